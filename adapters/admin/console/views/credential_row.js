// One credential in the list, and when opened, each of its units with their cooldowns.
import { html, useState } from "../html.js";
import { API } from "../api.js";
import { moment, percent, short, span, whole } from "../format.js";
import { t, tOr } from "../language.js";
import { Badge, Mark } from "../parts/bits.js";

export function CredentialRow({ credential, now, chosen, busy, choose, run }) {
  const [open, setOpen] = useState(false);
  const { id, email, tier, kind, state, projects, error_codes: codes, today } = credential;
  return html`<tr class=${chosen ? "chosen" : ""}>
      <td><input type="checkbox" aria-label=${t("choose", { name: id })} checked=${chosen} onChange=${(event) => choose(event.target.checked)} /></td>
      <td class="name" data-label=${t("credential")}>
        <button type="button" class="link" aria-expanded=${open} onClick=${() => setOpen(!open)}>${id}</button>
        <small>${[email, tOr(`kind.${kind}`, kind), tier].filter(Boolean).join(" · ")}</small>
      </td>
      <td data-label=${t("state")}><${State} of=${credential} now=${now} /></td>
      <td data-label=${t("projects")}>${projects.join(", ") || "–"}</td>
      <td data-label=${t("today")}>${t("calls", { n: whole(today.calls) })}
        ${today.calls > 0 && html`<small>${t("succeeded", { share: percent(today.success_rate) })}</small>`}</td>
      <td data-label=${t("errors.last")}>${codes.length ? codes.map((code) => html`<${Mark} key=${code} tone=${code === 429 ? "warn" : "bad"}>${code}<//>`) : "–"}</td>
      <td class="menu"><${Menu} credential=${credential} busy=${busy} run=${run} /></td>
    </tr>
    ${open && html`<tr class="more"><td colspan="7"><${Details} credential=${credential} now=${now} busy=${busy} run=${run} /></td></tr>`}`;
}

function State({ of, now }) {
  const left = of.cooling_until - now;
  return html`<${Badge} state=${of.state} />
    ${left > 0 && html`<time class="countdown" title=${moment(of.cooling_until)}>${span(left)}</time>`}
    ${of.reason && html`<small>${tOr(`why.${of.reason}`, of.reason)}</small>`}`;
}

function Menu({ credential, busy, run }) {
  const { id, state, removable } = credential;
  const out = state === "disabled" || state === "quarantined";
  const button = (action, tone = "") => html`<button type="button" class=${tone} disabled=${busy} onClick=${() => run(action)}>${t(`action.${action}`)}</button>`;
  return html`<div class="actions">
    ${button("verify")}${button(out ? "enable" : "disable")}
    <a class="button" href="${API}/credentials/${encodeURIComponent(id)}/download" download aria-label=${`${t("download")}: ${id}`} title=${t("download")}>⤓</a>
    ${removable && html`<button type="button" class="danger" disabled=${busy} aria-label=${`${t("action.delete")}: ${id}`}
      title=${t("action.delete")} onClick=${() => run("delete")}>✕</button>`}
  </div>`;
}

const counted = (tokens) =>
  Object.entries(tokens).map(([name, count]) => `${tOr(`tokens.${name}`, name)} ${short(count)}`).join(", ");

function Details({ credential, now, busy, run }) {
  const { units, source, last_success: success, total } = credential;
  return html`<dl class="facts">
      ${credential.kind === "code_assist" && html`<div><dt>${t("email")}</dt><dd>${credential.email || "–"}
        <button type="button" class="quiet" disabled=${busy} onClick=${() => run("email")}>${t("action.email")}</button></dd></div>`}
      <div><dt>${t("source")}</dt><dd>${source}</dd></div>
      <div><dt>${t("last.success")}</dt><dd>${moment(success)}</dd></div>
      <div><dt>${t("total")}</dt><dd>${t("calls", { n: whole(total.calls) })}, ${counted(total.tokens) || t("tokens.none")}</dd></div>
    </dl>
    <ul class="units">${units.map((unit) => html`<li key=${unit.id}>
      <b>${unit.project || t("unit.only")}</b> <${Badge} state=${unit.state} />
      <span>${t("unit.figures", { active: unit.active, calls: whole(unit.calls), failures: whole(unit.failures) })}</span>
      ${unit.reason && html`<small>${tOr(`why.${unit.reason}`, unit.reason)}</small>`}
      <ul>${unit.rests.map((rest) => html`<li key=${rest.model}><${Mark} tone="warn">${rest.model || t("model.all")}<//>
        ${rest.until > now ? html`<time class="countdown">${span(rest.until - now)}</time>` : t("rested")}
        <small>${[rest.reason, rest.why].filter(Boolean).join(" · ")}</small></li>`)}</ul>
    </li>`)}</ul>`;
}
