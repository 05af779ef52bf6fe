// What is left of a key, for whoever holds it.
import { html, useState } from "../html.js";
import { call } from "../api.js";
import { useWork } from "../hooks.js";
import { percent, whole } from "../format.js";
import { t } from "../language.js";
import { Looks } from "../parts/looks.js";
import { toast } from "../parts/toast.js";

export function KeyQuery({ looks }) {
  const [busy, run] = useWork(toast);
  const [key, setKey] = useState("");
  const [found, setFound] = useState(null);
  const ask = (event) => {
    event.preventDefault();
    setFound(null);
    run(async () => setFound(await call("POST", "/auth/query", { api_key: key.trim() })));
  };
  return html`<main class="door"><form class="card" onSubmit=${ask}>
    <h1>${t("query")}</h1>
    <label for="key">${t("key")}</label>
    <input id="key" type="password" autocomplete="off" required value=${key} onInput=${(event) => setKey(event.target.value)} />
    <button class="main" disabled=${busy || !key.trim()}>${t("query.ask")}</button>
    ${found && html`<${Found} of=${found} />`}
    <${Looks} looks=${looks} />
  </form></main>`;
}

function Found({ of }) {
  const limited = of.total_quota > 0;
  return html`<section role="status">
    <p><code>${of.api_key}</code></p>
    <p>${t("query.used", { used: whole(of.used_quota), all: limited ? whole(of.total_quota) : "∞" })}
      ${limited && html` (${percent(of.usage_percentage / 100)})`}</p>
    ${limited && html`<meter min="0" max=${of.total_quota} high=${of.total_quota * 0.8} value=${of.used_quota}></meter>`}
    <ul>${Object.entries(of.model_stats || {}).map(([model, calls]) => html`<li key=${model}>${model}: ${t("calls", { n: whole(calls) })}</li>`)}</ul>
  </section>`;
}
