// The pipeline as a picture, and live requests travelling it stage by stage.
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { put } from "../api.js";
import { clockSeconds, milliseconds } from "../format.js";
import { useResource } from "../hooks.js";
import { t } from "../language.js";
import { Badge, Empty, Heading, Loaded, Mark, Switch } from "../parts/bits.js";
import { StageDetails, Picture } from "./pipeline_picture.js";
import { Journey } from "./journey.js";

const WATCH = 30;
const KEEP = 60;

export function Pipeline() {
  const pipelines = useResource("/pipelines");
  const [live, setLive] = useState(true);
  const traces = useResource("/traces?limit=40", live ? 0.7 : 0);
  const [picked, setPicked] = useState("");
  useEffect(() => {
    if (!live) return undefined;
    const watch = () => put("/traces/watch", { seconds: WATCH }).catch(() => {});
    watch();
    const timer = setInterval(watch, (WATCH / 3) * 1000);
    return () => clearInterval(timer);
  }, [live]);
  const all = useMerged(traces.data?.traces);
  const trace = all.find((each) => each.id === picked) || (picked ? null : all[0]) || null;
  return html`<${Heading} title=${t("view.pipeline")}>
      <span class="check"><${Switch} id="live" on=${live} label=${t("pipeline.live")} onChange=${setLive} /> <span aria-hidden="true">${t("pipeline.live")}</span></span>
    <//>
    <${Loaded} of=${pipelines}>${(data) => html`<${Shown} data=${data} trace=${trace} />`}<//>
    <div class="halves">
      <${Requests} traces=${all} trace=${trace} picked=${picked} pick=${setPicked} />
      ${trace && html`<${Journey} trace=${trace} />`}
    </div>`;
}

/** The latest requests of all workers: each answer tells of the worker that gave it. */
function useMerged(fresh) {
  const known = useRef([]);
  return useMemo(() => {
    const news = new Map((fresh || []).map((trace) => [trace.id, trace]));
    const others = known.current.filter((trace) => !news.has(trace.id));
    known.current = [...news.values(), ...others].sort((one, other) => other.at - one.at).slice(0, KEEP);
    return known.current;
  }, [fresh]);
}

function Shown({ data, trace }) {
  const [name, setName] = useState("");
  const [stage, setStage] = useState(null);
  const names = data.pipelines.map((each) => each.name);
  const shown = [name, trace?.route, "default"].find((each) => names.includes(each)) || names[0];
  const pipeline = data.pipelines.find((each) => each.name === shown);
  const spans = useMemo(() => new Map((trace?.spans || []).map((span) => [span.stage, span])), [trace]);
  return html`<section class="card">
    ${names.length > 1 && html`<div class="chips" role="group" aria-label=${t("view.pipeline")}>${names.map((each) => html`<button type="button" key=${each}
      aria-pressed=${each === shown} onClick=${() => setName(each)}>${each}</button>`)}</div>`}
    <${Picture} pipeline=${pipeline} trace=${trace} spans=${spans} stage=${stage} onStage=${(each) => setStage(each.stage === stage?.stage ? null : each)} />
    ${stage && html`<${StageDetails} stage=${stage} trace=${trace} span=${spans.get(stage.stage)} />`}
    ${data.routes.length > 0 && html`<details><summary>${t("routes", { n: data.routes.length })}</summary><ul>${data.routes.map((route, index) => html`
      <li key=${index}><code>${route.path || "*"}</code> · <code>${route.model || "*"}</code> → <b>${route.pipeline}</b></li>`)}</ul></details>`}
  </section>`;
}

function Requests({ traces, trace, picked, pick }) {
  return html`<section class="card requests">
    <h2>${t("requests.live")} ${picked && html`<button type="button" onClick=${() => pick("")}>${t("requests.follow")}</button>`}</h2>
    ${traces.length === 0 && html`<${Empty}>${t("requests.none")}<//>`}
    <ul>${traces.map((each) => html`<li key=${each.id}>
      <button type="button" aria-pressed=${each.id === trace?.id} data-trace=${each.id} onClick=${() => pick(each.id)}>
        <span>${clockSeconds(each.at)}</span>
        <b>${each.model || each.path}</b>
        <span>${each.ended ? html`<${Mark} tone=${each.error_type ? "bad" : "good"}>${each.status}<//>` : html`<${Badge} state="refreshing">${t("running")}<//>`}</span>
        <span>${milliseconds(each.total_ms)}</span>
      </button></li>`)}</ul>
  </section>`;
}
