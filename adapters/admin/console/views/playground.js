// Try a model, in either dialect, and see the exact curl line that does the same.
import { html, useRef, useState } from "../html.js";
import { post } from "../api.js";
import { milliseconds } from "../format.js";
import { useResource, useWork } from "../hooks.js";
import { t } from "../language.js";
import { Copy, Heading, Mark, Switch } from "../parts/bits.js";
import { toast } from "../parts/toast.js";
import { asked, curl, listen } from "./playground_call.js";

let keptKey = ""; // for as long as this page is open, and nowhere else

export function Playground() {
  const models = useResource("/models");
  const [form, setForm] = useState({ key: keptKey, dialect: "openai", model: "", prompt: t("playground.example"), stream: true });
  const [answer, setAnswer] = useState(null);
  const stop = useRef(null);
  const set = (name, value) => {
    if (name === "key") keptKey = value;
    setForm((before) => ({ ...before, [name]: value }));
  };
  const names = (models.data?.models || []).map((each) => each.name.replace(/^models\//, ""));
  const ready = { ...form, model: form.model || names[0] || "" };
  const run = async (event) => {
    event.preventDefault();
    stop.current?.abort();
    stop.current = new AbortController();
    setAnswer({ text: "", thoughts: "", running: true });
    await listen(asked(ready), ready, setAnswer, stop.current.signal);
  };
  return html`<${Heading} title=${t("view.playground")} />
    <div class="halves">
      <form class="card" onSubmit=${run}>
        <${Key} value=${form.key} onKey=${(key) => set("key", key)} />
        <label for="model">${t("model")}</label>
        <input id="model" list="models" required value=${ready.model} onInput=${(event) => set("model", event.target.value)} />
        <datalist id="models">${names.map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
        <div class="row">
          <label>${t("dialect")} <select value=${form.dialect} onChange=${(event) => set("dialect", event.target.value)}>
            <option value="openai">OpenAI</option><option value="gemini">Gemini</option><option value="anthropic">Anthropic</option></select></label>
          <span class="check"><${Switch} on=${form.stream} label=${t("stream")} onChange=${(on) => set("stream", on)} /> <span aria-hidden="true">${t("stream")}</span></span>
        </div>
        <label for="prompt">${t("prompt")}</label>
        <textarea id="prompt" rows="5" required value=${form.prompt} onInput=${(event) => set("prompt", event.target.value)}></textarea>
        <div class="actions">
          ${answer?.running && html`<button type="button" onClick=${() => stop.current.abort()}>${t("stop")}</button>`}
          <button class="main" disabled=${!form.key || !ready.model}>${t("playground.send")}</button>
        </div>
      </form>
      <${Answer} of=${answer} />
    </div>
    <section class="card"><h2>curl <${Copy} text=${curl(ready)} /></h2><pre>${curl(ready)}</pre></section>`;
}

function Key({ value, onKey }) {
  const [busy, run] = useWork(toast);
  const make = () => run(async () => onKey((await post("/keys", { description: t("view.playground"), expires: Date.now() / 1000 + 86_400 })).secret));
  return html`<label for="key">${t("key")}</label>
    <div class="row"><input id="key" type="password" autocomplete="off" required placeholder=${t("playground.key.hint")} value=${value} onInput=${(event) => onKey(event.target.value)} />
      <button type="button" disabled=${busy} onClick=${make}>${t("playground.key")}</button></div>`;
}

function Answer({ of }) {
  if (!of) return html`<section class="card answer"><p class="empty">${t("playground.none")}</p></section>`;
  return html`<section class="card answer" aria-live="polite" aria-busy=${Boolean(of.running)}>
    <p class="badges">
      ${of.status && html`<${Mark} tone=${of.status < 400 ? "good" : "bad"}>${of.status}<//>`}
      ${of.first !== undefined && html`<${Mark}>${t("first.byte")} ${milliseconds(of.first)}<//>`}
      ${of.total !== undefined && html`<${Mark}>${t("total")} ${milliseconds(of.total)}<//>`}
      ${of.tokens && html`<${Mark}>${t("playground.tokens", of.tokens)}<//>`}
    </p>
    ${of.thoughts && html`<details open><summary>${t("thoughts")}</summary><p class="thoughts">${of.thoughts}</p></details>`}
    <p class="text">${of.text}</p>
    ${of.error && html`<p class="fault" role="alert">${of.error}</p>`}
  </section>`;
}
