// All credentials: how each is doing and why, and what can be done with one or many of them.
import { html, useMemo, useState } from "../html.js";
import { API, each, post, remove } from "../api.js";
import { useNow, useResource } from "../hooks.js";
import { t } from "../language.js";
import { Badge, Empty, Heading, Loaded, Progress } from "../parts/bits.js";
import { confirmed } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";
import { AddCredentials } from "./add_credentials.js";
import { CredentialRow } from "./credential_row.js";
import { GoogleLogin } from "./google_login.js";

const ACTIONS = ["verify", "enable", "disable", "email", "delete"];
const at = (id) => `/credentials/${encodeURIComponent(id)}`;

/** Do one thing to one credential; the answer says what was wrong, empty for nothing. */
async function act(action, id) {
  try {
    const done = action === "delete" ? await remove(at(id)) : await post(`${at(id)}/${action}`, action === "disable" ? { reason: "" } : undefined);
    return done.error;
  } catch (error) {
    return error.message;
  }
}

export function Credentials() {
  const all = useResource("/credentials", 3);
  const [open, setOpen] = useState("");
  const close = () => {
    setOpen("");
    all.reload();
  };
  return html`<${Heading} title=${t("view.credentials")}>
      <a class="button" href="${API}/credentials.zip" download>${t("download.all")}</a>
      <button type="button" onClick=${() => setOpen("google")}>${t("google.login")}</button>
      <button type="button" class="main" onClick=${() => setOpen("add")}>${t("creds.add")}</button>
    <//>
    <${Loaded} of=${all}>${(data) => html`<${Table} credentials=${data.credentials} reload=${all.reload} />`}<//>
    ${open === "add" && html`<${AddCredentials} onClose=${close} />`}
    ${open === "google" && html`<${GoogleLogin} onClose=${close} />`}`;
}

function Table({ credentials, reload }) {
  const now = useNow();
  const [state, setState] = useState("");
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(new Set());
  const [work, setWork] = useState(null);
  const shown = useMemo(() => credentials.filter((each) => fits(each, state, text)), [credentials, state, text]);
  const picked = shown.filter((each) => chosen.has(each.id)).map((each) => each.id);
  const choose = (ids, on) => setChosen((before) => new Set(on ? [...before, ...ids] : [...before].filter((id) => !ids.includes(id))));
  const run = async (action, ids) => {
    if (action === "delete" && !(await confirmed(t("creds.delete.ask", { n: ids.length, name: ids[0] }), t("action.delete")))) return;
    const stop = new AbortController();
    const failed = [];
    setWork({ action, done: 0, all: ids.length, stop });
    await each(ids, async (id) => {
      const error = await act(action, id);
      if (error) failed.push(`${id}: ${error}`);
    }, (done, total) => setWork({ action, done, all: total, stop }), stop.signal);
    setWork(null);
    if (failed.length) toast(failed.slice(0, 3).join("\n"), "bad");
    else toast(t("action.done", { action: t(`action.${action}`), n: ids.length }), "good");
    if (action === "delete") choose(ids, false);
    reload();
  };
  if (!credentials.length) return html`<div class="card"><${Empty}>${t("creds.none")}<//></div>`;
  return html`<${Filters} credentials=${credentials} state=${state} setState=${setState} text=${text} setText=${setText} />
    <${Batch} ids=${picked} work=${work} run=${run} />
    <div class="card scroll"><table class="stack credentials">
      <thead><tr>
        <th><input type="checkbox" aria-label=${t("choose.all")} checked=${shown.length > 0 && picked.length === shown.length}
          onChange=${(event) => choose(shown.map((one) => one.id), event.target.checked)} /></th>
        <th>${t("credential")}</th><th>${t("state")}</th><th>${t("projects")}</th><th>${t("today")}</th><th>${t("errors.last")}</th><th><span class="unseen">${t("actions")}</span></th>
      </tr></thead>
      <tbody>${shown.map((one) => html`<${CredentialRow} key=${one.id} credential=${one} now=${now} chosen=${chosen.has(one.id)}
        busy=${Boolean(work)} choose=${(on) => choose([one.id], on)} run=${(action) => run(action, [one.id])} />`)}</tbody>
    </table>${shown.length === 0 && html`<${Empty}>${t("creds.unmatched")}<//>`}</div>`;
}

const fits = (each, state, text) =>
  (!state || each.state === state) &&
  (!text || [each.id, each.email, each.tier, each.kind, each.reason, ...each.projects].join(" ").toLowerCase().includes(text.toLowerCase()));

function Filters({ credentials, state, setState, text, setText }) {
  const counts = {};
  for (const each of credentials) counts[each.state] = (counts[each.state] || 0) + 1;
  const states = ["", ...Object.keys(counts)];
  return html`<div class="filters">
    <input type="search" placeholder=${t("search")} aria-label=${t("search")} value=${text} onInput=${(event) => setText(event.target.value)} />
    <div class="chips" role="group" aria-label=${t("state")}>
      ${states.map((name) => html`<button type="button" key=${name} aria-pressed=${name === state} onClick=${() => setState(name)}>
        ${name ? t(`state.${name}`) : t("all")} <b>${name ? counts[name] : credentials.length}</b></button>`)}
    </div>
  </div>`;
}

function Batch({ ids, work, run }) {
  if (work) {
    return html`<div class="batch card" role="status">
      <${Progress} done=${work.done} all=${work.all} label=${t(`action.${work.action}`)} />
      <button type="button" onClick=${() => work.stop.abort()}>${t("stop")}</button>
    </div>`;
  }
  if (!ids.length) return null;
  const zip = `${API}/credentials.zip?${ids.map((id) => `id=${encodeURIComponent(id)}`).join("&")}`;
  return html`<div class="batch card">
    <${Badge}>${t("chosen", { n: ids.length })}<//>
    ${ACTIONS.map((action) => html`<button type="button" key=${action} class=${action === "delete" ? "danger" : ""}
      onClick=${() => run(action, ids)}>${t(`action.${action}`)}</button>`)}
    <a class="button" href=${zip} download>${t("download")}</a>
  </div>`;
}
