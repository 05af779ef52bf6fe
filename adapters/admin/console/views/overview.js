// How the house is doing: health, traffic, the first word, errors, ends of streams, tokens, and what is left of quotas.
import { html, useState } from "../html.js";
import { clockSeconds, moment, percent, seconds, short, span, whole } from "../format.js";
import { useNow, useResource } from "../hooks.js";
import { t, tOr } from "../language.js";
import { Badge, Empty, Heading, Loaded } from "../parts/bits.js";
import { Chart } from "../parts/chart.js";

export function Overview() {
  const overview = useResource("/overview", 2);
  const series = useResource("/series", 4);
  return html`<${Heading} title=${t("view.overview")} />
    <${Loaded} of=${overview}>${(data) => html`<${Figures} data=${data} />`}<//>
    <${Loaded} of=${series}>${(data) => html`<${Charts} data=${data} />`}<//>
    ${overview.data && html`<${Forecasts} forecast=${overview.data.forecast} /><${Errors} errors=${overview.data.recent_errors} />`}`;
}

function Figures({ data }) {
  const tokens = Object.values(data.tokens).reduce((sum, each) => sum + each, 0);
  const states = Object.entries(data.credentials).filter(([, count]) => count);
  const health = { ok: "ok", draining: "cooling" }[data.status] || "failed";
  return html`<dl class="figures">
    <${Figure} name=${t("health")}><${Badge} state=${health}>${tOr(`health.${data.status}`, data.status)}<//>
      ${data.store === "away" && html` <${Badge} state="failed">${t("store.away", { name: data.store_name })}<//>`}
      <small>${t("up", { time: span(data.now - data.started_at), version: data.version })}${data.store === "ok" && ` · ${data.store_name}`}</small><//>
    <${Figure} name=${t("requests")} id="requests">${whole(data.requests)}<small>${t("per.minute", { n: short(data.requests_per_minute) })}</small><//>
    <${Figure} name=${t("active")}>${whole(data.active)}<small>${t(data.workers > 1 ? "worker" : "workers", { n: data.workers, worker: data.worker + 1 })}</small><//>
    <${Figure} name=${t("errors")}>${percent(data.error_share)}<small>${t("errors.count", { n: whole(data.errors) })}</small><//>
    <${Figure} name=${t("tokens")}>${short(tokens)}<small>${t("hour")}</small><//>
    <${Figure} name=${t("view.credentials")}><span class="badges">
      ${states.length ? states.map(([state, count]) => html`<${Badge} key=${state} state=${state}>${count} ${t(`state.${state}`)}<//>`) : "0"}
    </span><//>
  </dl>`;
}

const Figure = ({ name, id, children }) => html`<div class="card" id=${id}><dt>${name}</dt><dd>${children}</dd></div>`;

const WINDOWS = [10, 30, 60];

function Charts({ data }) {
  const [minutes, setMinutes] = useState(WINDOWS[0]);
  const buckets = data.buckets.slice(-Math.ceil((minutes * 60) / data.step));
  const at = buckets.map((each) => each.at);
  const pick = (name) => buckets.map((each) => each[name]);
  const sum = (values) => values.reduce((total, each) => total + (each || 0), 0);
  const requests = pick("requests");
  const errors = pick("errors");
  const good = requests.map((count, index) => Math.max(0, count - errors[index]));
  const first = pick("ttft_p50").filter((each) => each !== null).at(-1);
  const ends = kinds(buckets, "stream_ends", END_TONES);
  const tokens = kinds(buckets, "tokens", {});
  return html`<div class="chips" role="group" aria-label=${t("charts")}>${WINDOWS.map((each) => html`<button type="button" key=${each} aria-pressed=${each === minutes}
      onClick=${() => setMinutes(each)}>${each === 60 ? t("chart.hour") : t("chart.minutes", { n: each })}</button>`)}</div>
  <section class="charts" aria-label=${t("charts")}>
    <${Chart} bars title=${t("chart.traffic")} total=${t("chart.requests", { n: whole(sum(requests)) })} at=${at} format=${short}
      series=${[{ name: t("chart.good"), tone: "tone0", values: good }, { name: t("errors"), tone: "bad", values: errors }]} />
    <${Chart} title=${t("chart.ttft")} total=${seconds(first)} at=${at} format=${seconds}
      series=${["p50", "p90", "p99"].map((name, index) => ({ name, tone: `tone${index}`, values: pick(`ttft_${name}`) }))} />
    <${Chart} bars title=${t("chart.ends")} total=${whole(sum(ends.flatMap((each) => each.values)))} at=${at} format=${short} series=${ends} />
    <${Chart} bars title=${t("tokens")} total=${short(sum(tokens.flatMap((each) => each.values)))} at=${at} format=${short} series=${tokens} />
  </section>`;
}

const END_TONES = { complete: "good", continued: "tone1", client_gone: "plain" };

/** One series for each name that occurs in any bucket's table. */
function kinds(buckets, field, tones) {
  const names = [...new Set(buckets.flatMap((each) => Object.keys(each[field])))].sort();
  const bad = field === "stream_ends" ? "bad" : null;
  return names.map((name, index) => ({
    name: tOr(`${field}.${name}`, name),
    tone: tones[name] || bad || `tone${index % 6}`,
    values: buckets.map((each) => each[field][name] || 0),
  }));
}

function Forecasts({ forecast }) {
  const now = useNow();
  return html`<section class="card">
    <h2>${t("forecast")}</h2>
    ${forecast.length === 0 ? html`<${Empty}>${t("forecast.none")}<//>` : html`<div class="scroll"><table class="stack">
      <thead><tr><th>${t("model")}</th><th>${t("project")}</th><th>${t("quota")}</th><th>${t("left")}</th><th>${t("dry")}</th><th>${t("reset")}</th></tr></thead>
      <tbody>${forecast.map((each) => html`<tr key=${`${each.project}${each.model}${each.quota}`}>
        <td data-label=${t("model")}>${each.model}</td>
        <td data-label=${t("project")}>${each.project || each.kind}</td>
        <td data-label=${t("quota")}>${tOr(`quota.${each.quota}`, each.quota)}</td>
        <td data-label=${t("left")}><meter min="0" max=${each.limit} low=${each.limit * 0.2} optimum=${each.limit} value=${each.left}></meter>
          ${" "}${whole(each.left)} / ${whole(each.limit)}</td>
        <td data-label=${t("dry")}>${each.dry_at ? t("in", { time: span(each.dry_at - now) }) : t("dry.not")}</td>
        <td data-label=${t("reset")}>${each.reset_at ? t("in", { time: span(each.reset_at - now) }) : "–"}</td>
      </tr>`)}</tbody>
    </table></div>`}
  </section>`;
}

function Errors({ errors }) {
  return html`<section class="card">
    <h2>${t("errors.recent")}</h2>
    ${errors.length === 0 ? html`<${Empty}>${t("errors.none")}<//>` : html`<div class="scroll"><table class="stack">
      <thead><tr><th>${t("time")}</th><th>${t("status")}</th><th>${t("reason")}</th><th>${t("model")}</th><th>${t("credential")}</th></tr></thead>
      <tbody>${errors.slice(0, 20).map((each) => html`<tr key=${each.request_id}>
        <td data-label=${t("time")} title=${moment(each.at)}>${clockSeconds(each.at)}</td>
        <td data-label=${t("status")}>${each.status}</td>
        <td data-label=${t("reason")}><code>${each.error_type}</code> ${each.message}</td>
        <td data-label=${t("model")}>${each.model}</td>
        <td data-label=${t("credential")}>${each.credential}</td>
      </tr>`)}</tbody>
    </table></div>`}
  </section>`;
}
