// What is done from time to time: when, how it went, by hand, on and off.
import { html, useState } from "../html.js";
import { patch, post } from "../api.js";
import { moment, seconds, span } from "../format.js";
import { useNow, useResource } from "../hooks.js";
import { t, tOr } from "../language.js";
import { Badge, Heading, Loaded, Mark, Progress, Switch } from "../parts/bits.js";
import { toast } from "../parts/toast.js";

export function Jobs() {
  const jobs = useResource("/jobs", 3);
  return html`<${Heading} title=${t("view.jobs")} />
    <${Loaded} of=${jobs}>${(data) => data.jobs.map((job) => html`<${Job} key=${job.name} job=${job} reload=${jobs.reload} />`)}<//>`;
}

function Job({ job, reload }) {
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const at = `/jobs/${encodeURIComponent(job.name)}`;
  const attempt = async (work) => {
    setBusy(true);
    await work().catch((error) => toast(error.message, "bad"));
    setBusy(false);
    reload();
  };
  return html`<section class="card job">
    <header><h2>${tOr(`job.${job.name}`, job.name)}</h2>
      <${Switch} on=${job.enabled} label=${`${t("on")}: ${job.name}`} onChange=${(on) => attempt(() => patch(at, { on }))} />
      <button type="button" disabled=${busy || job.running} onClick=${() => attempt(() => post(`${at}/run`))}>${t("job.run")}</button>
    </header>
    <p>${job.about}</p>
    ${(busy || job.running) && html`<${Progress} label=${t("running")} />`}
    <p class="badges">
      <${Mark}>${t("job.every", { time: span(job.every) })}<//>
      ${job.enabled && job.next && html`<${Mark}>${t("job.next", { time: span(job.next - now) })}<//>`}
      ${job.switched && html`<${Mark}>${t("job.switched")}<//>`}
    </p>
    ${job.last && html`<p><${Badge} state=${job.last.ok ? "ok" : "failed"} /> ${moment(job.last.at)} (${seconds(job.last.seconds)}) ${job.last.result}</p>`}
  </section>`;
}
