// A login at Google, step by step; it also works when the browser is on another machine: the last address is pasted.
import { html, useEffect, useState } from "../html.js";
import { call } from "../api.js";
import { useWork } from "../hooks.js";
import { t } from "../language.js";
import { Badge, Copy } from "../parts/bits.js";
import { Dialog } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";

export function GoogleLogin({ onClose }) {
  const [wish, setWish] = useState({ project: "", all_projects: false });
  const set = (name) => (event) => setWish({ ...wish, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  return html`<${Dialog} title=${t("google.login")} onClose=${onClose} wide>
    <${Steps} base="/api/v1/oauth" wish=${wish}>
      <label for="project">${t("google.project")}</label>
      <input id="project" value=${wish.project} placeholder=${t("google.project.hint")} onInput=${set("project")} />
      <label class="check"><input type="checkbox" checked=${wish.all_projects} onChange=${set("all_projects")} /> ${t("google.all")}</label>
    <//>
  <//>`;
}

/** The steps of a login. Shape: `base` is where its calls go; `wish` goes along with each; `children` come first. */
export function Steps({ base, wish, children }) {
  const [busy, run] = useWork(toast);
  const [login, setLogin] = useState(null);
  const [outcome, setOutcome] = useState(null);
  const begin = () => run(async () => {
    setOutcome(null);
    setLogin(await call("POST", `${base}/start`, wish));
  });
  const waiting = login && !settled(outcome);
  useEffect(() => {
    if (!waiting) return undefined;
    const timer = setInterval(async () => {
      const path = `${base}/status?state=${encodeURIComponent(login.state)}`;
      setOutcome(await call("GET", path).catch((error) => ({ status: "failed", error: error.message })));
    }, 2000);
    return () => clearInterval(timer);
  }, [waiting, login]);
  return html`<ol class="steps">
    <li>${children}<button type="button" class="main" disabled=${busy} onClick=${begin}>${t(login ? "google.again" : "google.start")}</button></li>
    ${login && html`<li><p>${t("google.open")}</p><div class="actions">
      <a class="button main" href=${login.url} target="_blank" rel="noopener noreferrer">${t("google.link")}</a><${Copy} text=${login.url} label=${t("google.copy")} />
    </div></li>
    <li><${Paste} base=${base} wish=${wish} busy=${busy} run=${run} onOutcome=${setOutcome} /></li>
    <li><${Outcome} of=${outcome} /></li>`}
    ${outcome?.status === "choose" && html`<li><${Choice} projects=${outcome.projects} choose=${(project) => run(async () =>
      setOutcome(await call("POST", `${base}/project`, { state: login.state, project })))} /></li>`}
  </ol>`;
}

function Paste({ base, wish, busy, run, onOutcome }) {
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    run(async () => onOutcome(await call("POST", `${base}/callback-url`, { ...wish, callback_url: text.trim() })));
  };
  return html`<form onSubmit=${send}>
    <label for="callback">${t("google.paste")}</label>
    <textarea id="callback" rows="3" spellcheck="false" placeholder="http://127.0.0.1:…/auth/callback?state=…&code=…" value=${text}
      onInput=${(event) => setText(event.target.value)}></textarea>
    <div class="actions"><button disabled=${busy || !text.trim()}>${t("google.finish")}</button></div>
  </form>`;
}

const ended = (outcome) => (outcome && "ok" in outcome ? { true: "completed", false: "failed" }[outcome.ok] : outcome?.status);
const settled = (outcome) => ["completed", "failed", "choose"].includes(ended(outcome));

function Outcome({ of }) {
  const status = ended(of);
  if (status === "completed") return html`<p role="status"><${Badge} state="completed">${t("google.done")}<//> ${of.email} ${of.project}</p>`;
  if (status === "failed") return html`<p role="alert"><${Badge} state="failed" /> ${of.error}</p>`;
  return html`<p role="status" class="waiting">${t(status === "choose" ? "google.choose" : "google.waiting")}</p>`;
}

const Choice = ({ projects, choose }) => html`<ul class="choice">${projects.map((each) => html`<li key=${each.id}>
  <button type="button" onClick=${() => choose(each.id)}><b>${each.name || each.id}</b> <small>${each.id}</small></button></li>`)}</ul>`;
