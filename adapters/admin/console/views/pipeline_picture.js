// The stages as a picture: the request's above, Google in the middle, the answer's below; a request lights them up.
import { html } from "../html.js";
import { milliseconds, whole } from "../format.js";
import { t, tOr } from "../language.js";
import { Mark } from "../parts/bits.js";

const HALVES = ["request", "upstream", "reply"];
const RELAY = "relay";

/** No stage, but where every request ends: its answer goes to the caller. */
const relay = () => ({ stage: RELAY, half: "reply", summary: t("relay.about"), options: {}, defaults: {}, needs: [], gives: [], idle: false });

export function Picture({ pipeline, trace, spans, stage, onStage }) {
  const last = trace && !trace.ended ? trace.spans.at(-1)?.stage : "";
  return html`<div class="picture">${HALVES.map((half) => {
    const stages = [...pipeline.stages, relay()].filter((each) => each.half === half);
    return stages.length > 0 && html`<div class="half ${half}" key=${half}>
      <h3>${t(`half.${half}`)}</h3>
      <ol>${stages.map((each) => html`<${Node} key=${each.stage} of=${each} span=${spans.get(each.stage)} trace=${trace}
        running=${each.stage === last} open=${each.stage === stage?.stage} onStage=${onStage} />`)}
        ${half === "upstream" && trace?.attempts.map((attempt, index) => html`<${Attempt} key=${`attempt${index}`} of=${attempt} trace=${trace} />`)}</ol>
    </div>`;
  })}</div>`;
}

function Node({ of, span, trace, running, open, onStage }) {
  const state = !trace ? "" : running ? "running" : !span ? "passed" : failedHere(trace, of, span) ? "failed" : "done";
  return html`<li class="node ${state} ${of.idle ? "idle" : ""}" data-stage=${of.stage} data-state=${state}>
    <button type="button" aria-expanded=${open} title=${of.summary} onClick=${() => onStage(of)}>
      <b>${tOr(`span.${of.stage}`, of.stage)}</b>
      <span>${span ? milliseconds(taken(trace, span)) : of.idle ? t("stage.idle") : " "}
        ${span?.events > 0 && html` <small>· ${t("events", { n: whole(span.events) })}</small>`}</span>
    </button>
  </li>`;
}

const Attempt = ({ of, trace }) => html`<li class="attempt ${of.error ? "bad" : "good"}">
  <b>${of.credential}</b><span>${of.error || [of.project, milliseconds(taken(trace, of))].filter(Boolean).join(" · ")}</span>
</li>`;

/** The milliseconds in a stage; of one that is still at work up to the last news of it, null where there is none. */
export const taken = (trace, span) => span.ms ?? (trace.total_ms > span.start_ms ? trace.total_ms - span.start_ms : null);

/** An error stops the request where it is: its last stage, where the failed attempts were made. */
const failedHere = (trace, stage, span) =>
  Boolean(trace.ended && trace.error_type) && trace.spans.filter((each) => each.stage !== RELAY).at(-1) === span;

export function StageDetails({ stage, span, trace }) {
  const names = [...new Set([...Object.keys(stage.defaults), ...Object.keys(stage.options)])];
  return html`<section class="stage" aria-live="polite">
    <h3>${tOr(`span.${stage.stage}`, stage.stage)} ${stage.idle && html`<${Mark}>${t("stage.idle")}<//>`}</h3>
    <p>${stage.summary}</p>
    ${span && html`<p>${t("stage.took", { time: milliseconds(taken(trace, span)) })}
      ${" "}${span.events > 0 && t("stage.events", { n: whole(span.events), time: milliseconds(span.event_ms) })}</p>`}
    <p class="hint">${stage.needs.length > 0 && t("stage.needs", { names: stage.needs.join(", ") })}
      ${" "}${stage.gives.length > 0 && t("stage.gives", { names: stage.gives.join(", ") })}</p>
    ${names.length > 0 && html`<dl class="options">${names.map((name) => html`<div key=${name} class=${same(stage, name) ? "" : "changed"}>
      <dt>${name}</dt><dd><code>${shown(stage.options[name] ?? stage.defaults[name])}</code></dd></div>`)}</dl>`}
  </section>`;
}

const same = (stage, name) => JSON.stringify(stage.options[name] ?? stage.defaults[name]) === JSON.stringify(stage.defaults[name]);

function shown(value) {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
