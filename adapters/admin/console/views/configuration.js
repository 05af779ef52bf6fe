// The configuration: values and defaults, what the environment holds, what waits for a restart, what would be wrong.
import { html, useEffect, useState } from "../html.js";
import { patch, post } from "../api.js";
import { useResource, useWork } from "../hooks.js";
import { t } from "../language.js";
import { Empty, Heading, Loaded } from "../parts/bits.js";
import { toast } from "../parts/toast.js";
import { SettingRow } from "./setting_row.js";

const PATIENCE = 400;

export function Configuration() {
  const config = useResource("/config");
  return html`<${Heading} title=${t("view.configuration")} />
    <${Loaded} of=${config}>${(data) => html`<${Settings} data=${data} reload=${config.reload} />`}<//>`;
}

function Settings({ data, reload }) {
  const [changes, setChanges] = useState({});
  const [drafts, setDrafts] = useState(0);
  const [text, setText] = useState("");
  const [part, setPart] = useState("");
  const [busy, run] = useWork(toast);
  const [problems, setProblems] = useChecked(changes);
  const change = (path, value) => setChanges((before) => changed(before, data.settings.find((each) => each.path === path), value));
  const discard = () => {
    setChanges({});
    setDrafts(drafts + 1);
  };
  const save = () => run(async () => {
    const saved = await patch("/config", { changes });
    setProblems(saved.problems);
    if (!saved.ok) return toast(t("config.wrong"), "bad");
    discard();
    toast(told(saved), "good");
    return reload();
  });
  const shown = data.settings.filter((each) => (!part || each.group === part) && [each.path, each.help, each.locked_by].join(" ").toLowerCase().includes(text.toLowerCase()));
  const groups = [...new Set(shown.map((each) => each.group))];
  const parts = [...new Set(data.settings.map((each) => each.group))];
  return html`
    ${!data.writable && html`<p class="notice warn">${t("config.fixed")}</p>`}
    ${data.restart_needed.length > 0 && html`<p class="notice warn">${t("config.restart", { names: data.restart_needed.join(", ") })}</p>`}
    ${data.warnings.map((each, index) => html`<p key=${index} class="notice warn"><code>${each.path}</code> ${each.message}</p>`)}
    <div class="filters"><input type="search" placeholder=${t("config.search")} aria-label=${t("config.search")} value=${text} onInput=${(event) => setText(event.target.value)} />
      <select aria-label=${t("config.group")} value=${part} onChange=${(event) => setPart(event.target.value)}>
        <option value="">${t("all")}</option>${parts.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}</select>
      <span class="hint">${data.file || t("config.fileless")}</span></div>
    ${groups.map((group) => html`<section class="card settings" key=${group}><h2>${group}</h2>
      ${shown.filter((each) => each.group === group).map((each) => html`<${SettingRow} key=${`${each.path}#${drafts}`} setting=${each} writable=${data.writable}
        changed=${each.path in changes} value=${each.path in changes ? changes[each.path] : each.value} onChange=${(value) => change(each.path, value)}
        problems=${problems.filter((problem) => about(problem, each, data.settings))} waits=${data.restart_needed.includes(each.path)} />`)}
    </section>`)}
    ${shown.length === 0 && html`<${Empty}>${t("config.unmatched")}<//>`}
    <${Bar} changes=${changes} problems=${problems} settings=${data.settings} busy=${busy} save=${save} discard=${discard} />`;
}

/** Ask what would be wrong with the changes, once nothing was changed for a moment. */
function useChecked(changes) {
  const [problems, setProblems] = useState([]);
  useEffect(() => {
    if (!Object.keys(changes).length) return setProblems([]);
    let latest = true;
    const keep = (found) => latest && setProblems(found);
    const timer = setTimeout(() => {
      const fault = (error) => keep([{ message: error.message, path: error.field, level: "error" }]);
      post("/config/check", { changes }).then((answer) => keep(answer.problems), fault);
    }, PATIENCE);
    return () => {
      latest = false;
      clearTimeout(timer);
    };
  }, [changes]);
  return [problems, setProblems];
}

function changed(before, setting, value) {
  const after = { ...before, [setting.path]: value };
  if (JSON.stringify(value) === JSON.stringify(setting.value) && !setting.secret) delete after[setting.path];
  return after;
}

/** Whether a problem is about a setting, or about something inside it that is no setting of its own. */
const about = (problem, setting, settings) =>
  problem.path === setting.path ||
  (!settings.some((each) => each.path === problem.path) && new RegExp(`^${escaped(setting.path)}[.[]`).test(problem.path));
const escaped = (text) => text.replace(/[.[\]*+?^${}()|\\]/g, "\\$&");

function told({ applied, restart_needed: restart, skipped }) {
  return [
    applied.length && t("config.applied", { names: applied.join(", ") }),
    restart.length && t("config.restart", { names: restart.join(", ") }),
    skipped.length && t("config.skipped", { names: skipped.join(", ") }),
  ].filter(Boolean).join("\n") || t("config.saved");
}

function Bar({ changes, problems, settings, busy, save, discard }) {
  const count = Object.keys(changes).length;
  if (!count) return null;
  const wrong = problems.filter((each) => each.level === "error");
  const placeless = wrong.filter((problem) => !settings.some((each) => about(problem, each, settings)));
  return html`<div class="savebar" role="status">
    <span>${t("config.changes", { n: count })} ${wrong.length > 0 && html`<b class="fault">${t("config.faults", { n: wrong.length })}</b>`}
      ${placeless.map((each) => html` <span class="fault">${each.message}</span>`)}</span>
    <button type="button" onClick=${discard}>${t("discard")}</button>
    <button type="button" class="main" disabled=${busy || wrong.length > 0} onClick=${save}>${t("save")}</button>
  </div>`;
}
