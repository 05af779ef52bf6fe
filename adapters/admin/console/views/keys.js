// Client API keys: made, limited, watched and revoked; and what each model costs them.
import { html, useState } from "../html.js";
import { patch, remove } from "../api.js";
import { moment, percent, whole } from "../format.js";
import { useResource } from "../hooks.js";
import { t } from "../language.js";
import { Badge, Copy, Empty, Heading, Loaded, Switch } from "../parts/bits.js";
import { confirmed, Dialog } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";
import { Costs } from "./costs.js";
import { KeyForm } from "./key_form.js";

const COLUMNS = ["key", "quota.total", "quota.today", "limits", "usage", "expires", "on"];

export function Keys() {
  const keys = useResource("/keys", 5);
  const [edited, setEdited] = useState(null);
  const [made, setMade] = useState(null);
  const saved = (answer) => {
    setEdited(null);
    if (answer?.secret) setMade(answer);
    keys.reload();
  };
  return html`<${Heading} title=${t("view.keys")}>
      <a class="button" href="/api-key-query">${t("query")}</a>
      <button type="button" class="main" onClick=${() => setEdited({})}>${t("key.create")}</button>
    <//>
    <${Loaded} of=${keys}>${(data) => html`<${Table} keys=${data.keys} edit=${setEdited} reload=${keys.reload} />`}<//>
    <${Costs} />
    ${edited && html`<${KeyForm} of=${edited} onClose=${() => setEdited(null)} onSaved=${saved} />`}
    ${made && html`<${Secret} made=${made} onClose=${() => setMade(null)} />`}`;
}

function Table({ keys, edit, reload }) {
  const attempt = (work) => work().then(reload, (error) => toast(error.message, "bad"));
  const revoke = async (key) => {
    const name = key.description || key.mask;
    if (await confirmed(t("key.revoke.ask", { name }), t("key.revoke"))) attempt(() => remove(`/keys/${key.id}`));
  };
  if (!keys.length) return html`<div class="card"><${Empty}>${t("key.none")}<//></div>`;
  return html`<div class="card scroll"><table class="stack">
    <thead><tr>
      ${COLUMNS.map((name) => html`<th key=${name}>${t(name)}</th>`)}<th><span class="unseen">${t("actions")}</span></th>
    </tr></thead>
    <tbody>${keys.map((key) => html`<tr key=${key.id}>
      <td class="name" data-label=${t("key")}><b>${key.description || t("key.nameless")}</b><small><code>${key.mask}</code></small></td>
      <td data-label=${t("quota.total")}><${Quota} used=${key.used_total} all=${key.total_quota} /></td>
      <td data-label=${t("quota.today")}><${Quota} used=${key.used_today} all=${key.daily_quota} /></td>
      <td data-label=${t("limits")}>${limits(key) || "–"}</td>
      <td data-label=${t("usage")}>${t("calls", { n: whole(key.usage.calls) })}
        <small>${key.usage.calls > 0 && t("succeeded", { share: percent(key.usage.success_rate) })}</small></td>
      <td data-label=${t("expires")}>${key.expires ? moment(key.expires) : t("never")}
        ${key.expires > 0 && key.expires < Date.now() / 1000 && html` <${Badge} state="failed">${t("expired")}<//>`}</td>
      <td data-label=${t("on")}><${Switch} on=${key.enabled} label=${`${t("on")}: ${key.description || key.mask}`}
        onChange=${(enabled) => attempt(() => patch(`/keys/${key.id}`, { enabled }))} /></td>
      <td class="menu"><div class="actions">
        <button type="button" onClick=${() => edit(key)}>${t("edit")}</button>
        <button type="button" class="danger" onClick=${() => revoke(key)}>${t("key.revoke")}</button>
      </div></td>
    </tr>`)}</tbody>
  </table></div>`;
}

const Quota = ({ used, all }) => html`${whole(used)} / ${all ? whole(all) : "∞"}
  ${all > 0 && html`<meter min="0" max=${all} high=${all * 0.8} optimum="0" value=${used}></meter>`}`;

const limits = (key) => [
  key.rpm && `${whole(key.rpm)} RPM`, key.tpm && `${whole(key.tpm)} TPM`,
  key.concurrency && t("limits.at.once", { n: key.concurrency }), key.models.join(", "),
].filter(Boolean).join(" · ");

function Secret({ made, onClose }) {
  const line = `curl ${location.origin}/v1/models -H 'Authorization: Bearer ${made.secret}'`;
  return html`<${Dialog} title=${t("key.made")} onClose=${onClose} wide>
    <p>${t("key.once")}</p>
    <div class="secret"><code id="secret">${made.secret}</code><${Copy} text=${made.secret} /></div>
    <p>${t("key.try")}</p>
    <div class="secret"><code>${line}</code><${Copy} text=${line} /></div>
    <div class="actions"><button type="button" class="main" onClick=${onClose}>${t("key.kept")}</button></div>
  <//>`;
}
