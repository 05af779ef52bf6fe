// The small things that views are made of.
import { html, useState } from "../html.js";
import { t, tOr } from "../language.js";
import { toast } from "./toast.js";

const TONES = {
  ready: "good", ok: "good", added: "good", completed: "good",
  cooling: "warn", exhausted: "warn", refreshing: "warn", known: "plain",
  disabled: "plain", quarantined: "bad", refused: "bad", failed: "bad",
};

/** A state in a word, with a colour of its own. */
export const Badge = ({ state, children }) =>
  html`<span class="badge ${TONES[state] || "plain"}">${children || tOr(`state.${state}`, state)}</span>`;

export const Mark = ({ tone = "plain", title, children }) =>
  html`<span class="mark ${tone}" title=${title}>${children}</span>`;

export function Copy({ text, label }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      setTimeout(() => setDone(false), 2000);
    } catch {
      toast(t("copy.failed"), "bad"); // no clipboard without HTTPS: the text can still be selected
    }
  };
  return html`<button type="button" onClick=${copy}>${done ? t("copy.done") : label || t("copy")}</button>`;
}

export const Waiting = () => html`<p class="waiting" role="status">${t("waiting")}</p>`;

export const Failed = ({ error, retry }) => html`<div class="notice bad" role="alert">
  <p>${error.message}</p>
  ${retry && html`<button type="button" onClick=${retry}>${t("retry")}</button>`}
</div>`;

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

export const Progress = ({ done, all, label }) => html`<div class="progress">
  <label>${label} <progress max=${all || undefined} value=${all ? done : undefined}></progress></label>
  ${all ? html`<span>${done} / ${all}</span>` : null}
</div>`;

/** A switch: a checkbox that looks the part. */
export const Switch = ({ on, label, disabled, onChange, id }) => html`<label class="switch">
  <input type="checkbox" role="switch" id=${id} checked=${on} disabled=${disabled} aria-label=${label}
    onChange=${(event) => onChange(event.target.checked)} />
  <span aria-hidden="true"></span>
</label>`;

/** Data that is on its way, has failed, or is there. */
export function Loaded({ of, children }) {
  if (of.data) return html`${of.error && html`<${Failed} error=${of.error} retry=${of.reload} />`}${children(of.data)}`;
  return of.error ? html`<${Failed} error=${of.error} retry=${of.reload} />` : html`<${Waiting} />`;
}

export const Heading = ({ title, children }) => html`<header class="heading">
  <h1 tabindex="-1">${title}</h1>
  <div class="actions">${children}</div>
</header>`;
