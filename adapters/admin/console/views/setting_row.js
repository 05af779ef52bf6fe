// One setting: what it is, what holds it, and a field of its kind to change it.
import { html, useState } from "../html.js";
import { t } from "../language.js";
import { Mark, Switch } from "../parts/bits.js";

export function SettingRow({ setting, value, changed, writable, waits, problems, onChange }) {
  const { path, locked_by: lock, restart, help, secret } = setting;
  const id = `setting-${path}`;
  const own = !secret && JSON.stringify(value) !== JSON.stringify(setting.default);
  const Field = secret ? Secret : FIELDS[setting.type] && !setting.choices.length ? FIELDS[setting.type] : setting.choices.length ? Choice : Json;
  return html`<div class="setting ${changed ? "changed" : ""} ${problems.some((each) => each.level === "error") ? "wrong" : ""}" data-path=${path}>
    <div class="what">
      <label for=${id}><code>${path}</code></label>
      <span class="marks">
        ${lock && html`<${Mark} tone="warn" title=${t("config.locked.by", { name: lock })}>${t("config.locked", { name: lock })}<//>`}
        ${restart && html`<${Mark} tone=${waits ? "warn" : "plain"}>${t(waits ? "config.waits" : "config.restarts")}<//>`}
        ${secret && html`<${Mark}>${t(setting.is_set ? "config.set" : "config.unset")}<//>`}
      </span>
      ${help && html`<small>${help}</small>`}
    </div>
    <div class="value">
      <${Field} id=${id} setting=${setting} value=${value} disabled=${Boolean(lock) || !writable} onChange=${onChange} faulty=${problems.length > 0} />
      ${own && !lock && writable && html`<button type="button" class="quiet" title=${t("config.default", { value: JSON.stringify(setting.default) })}
        aria-label="${path}: ${t("config.default", { value: JSON.stringify(setting.default) })}" onClick=${() => onChange(setting.default)}>↺</button>`}
      ${problems.map((each, index) => html`<p key=${index} class="fault" role="alert">${each.message}</p>`)}
    </div>
  </div>`;
}

const common = ({ id, disabled, faulty }) => ({ id, disabled, "aria-invalid": faulty, spellcheck: false, autocomplete: "off" });

const Text = (props) => html`<input ...${common(props)} value=${props.value ?? ""} placeholder=${props.setting.default ?? ""}
  onInput=${(event) => props.onChange(event.target.value)} />`;

const Amount = (props) => html`<input ...${common(props)} type="number" step=${props.setting.type === "integer" ? 1 : "any"} value=${props.value ?? ""}
  placeholder=${props.setting.default ?? ""} onInput=${(event) => props.onChange(event.target.value === "" ? null : Number(event.target.value))} />`;

const Flag = (props) => html`<${Switch} id=${props.id} on=${Boolean(props.value)} label=${props.setting.path} disabled=${props.disabled} onChange=${props.onChange} />`;

const Choice = (props) => html`<select ...${common(props)} value=${props.value ?? ""} onChange=${(event) => props.onChange(event.target.value)}>
  ${props.setting.choices.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
</select>`;

const Secret = (props) => html`<input ...${common(props)} type="password" autocomplete="new-password" value=${props.value ?? ""}
  placeholder=${props.setting.is_set ? "••••••••" : ""} onInput=${(event) => props.onChange(event.target.value)} />`;

/** Lists and tables, as JSON; what is no JSON yet stays here and changes nothing. */
function Json(props) {
  const [draft, setDraft] = useState(null);
  const text = draft ?? JSON.stringify(props.value ?? null, null, props.setting.type === "table" ? 2 : 0);
  const [wrong, setWrong] = useState("");
  const typed = (event) => {
    setDraft(event.target.value);
    try {
      props.onChange(JSON.parse(event.target.value));
      setWrong("");
    } catch (error) {
      setWrong(error.message);
    }
  };
  return html`<textarea ...${common(props)} aria-invalid=${props.faulty || Boolean(wrong)} rows=${Math.min(8, text.split("\n").length)} value=${text} onInput=${typed}></textarea>
    ${wrong && html`<p class="fault" role="alert">${wrong}</p>`}`;
}

const FIELDS = { string: Text, integer: Amount, number: Amount, boolean: Flag };
