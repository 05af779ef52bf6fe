// One request over time: when each stage began, how long it took, and which credentials were tried.
import { html } from "../html.js";
import { clockSeconds, milliseconds } from "../format.js";
import { t, tOr } from "../language.js";
import { Mark } from "../parts/bits.js";
import { taken } from "./pipeline_picture.js";

export function Journey({ trace }) {
  const length = Math.max(1, trace.total_ms, ...trace.spans.map((span) => span.start_ms + taken(trace, span)));
  const place = (start, ms) => ({ left: `${(start / length) * 100}%`, width: `max(3px, ${(ms / length) * 100}%)` });
  return html`<section class="card journey">
    <h2>${trace.model || trace.path} <${Mark} tone=${!trace.ended ? "warn" : trace.error_type ? "bad" : "good"}>${trace.ended ? trace.status : t("running")}<//></h2>
    <dl class="facts">
      ${fact(t("time"), clockSeconds(trace.at))}${fact(t("request"), `${trace.method} ${trace.path}`)}
      ${fact(t("protocol"), trace.protocol + (trace.stream ? ` · ${t("stream")}` : ""))}${fact(t("caller"), trace.caller)}
      ${fact(t("first.byte"), milliseconds(trace.first_byte_ms))}${fact(t("total"), milliseconds(trace.total_ms))}
      ${fact(t("error"), trace.error_type)}${fact("x-request-id", trace.id)}
    </dl>
    <ol class="waterfall">
      ${trace.spans.map((span, index) => html`<li key=${index}><span>${tOr(`span.${span.stage}`, span.stage)}</span>
        <i aria-hidden="true"><b class=${span.stage === "relay" ? "relay" : ""} style=${place(span.start_ms, taken(trace, span))}></b></i>
        <span>${milliseconds(taken(trace, span))}</span></li>`)}
      ${trace.attempts.map((attempt, index) => html`<li key=${`a${index}`} class="attempt"><span>↳ ${attempt.credential}${attempt.project && ` · ${attempt.project}`}</span>
        <i aria-hidden="true"><b class=${attempt.error ? "bad" : "good"} style=${place(attempt.start_ms, taken(trace, attempt))}></b></i>
        <span>${attempt.error ? html`<${Mark} tone="bad">${attempt.error}<//>` : milliseconds(taken(trace, attempt))}</span></li>`)}
    </ol>
  </section>`;
}

const fact = (name, value) => value && value !== "–" && html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;
