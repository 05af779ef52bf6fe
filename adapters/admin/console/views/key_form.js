// What a key is good for, to fill in.
import { html, useState } from "../html.js";
import { patch, post } from "../api.js";
import { t } from "../language.js";
import { Dialog } from "../parts/dialog.js";

const AMOUNTS = ["total_quota", "daily_quota", "rpm", "tpm", "concurrency"];

export function KeyForm({ of, onClose, onSaved }) {
  const [form, setForm] = useState(() => filled(of));
  const [fault, setFault] = useState(null);
  const set = (name) => (event) => setForm({ ...form, [name]: event.target.value });
  const save = async (event) => {
    event.preventDefault();
    try {
      onSaved(of.id ? await patch(`/keys/${of.id}`, wanted(form)) : await post("/keys", wanted(form)));
    } catch (error) {
      setFault(error);
    }
  };
  const field = (name, type, hint) => html`<div class="field">
    <label for=${name}>${t(`key.${name}`)}</label>
    <input id=${name} type=${type} min="0" step=${type === "number" ? 1 : undefined} value=${form[name]} placeholder=${hint} maxlength="500"
      aria-invalid=${fault?.field === name} onInput=${set(name)} />
  </div>`;
  return html`<${Dialog} title=${t(of.id ? "key.edit" : "key.create")} onClose=${onClose}>
    <form onSubmit=${save}>
      ${field("description", "text", t("key.description.hint"))}
      <div class="pairs">${AMOUNTS.map((name) => field(name, "number", "∞"))}${field("expires", "datetime-local", "")}</div>
      ${field("models", "text", t("key.models.hint"))}
      ${fault && html`<p class="fault" role="alert">${fault.message}</p>`}
      <div class="actions"><button type="button" onClick=${onClose}>${t("cancel")}</button><button class="main">${t(of.id ? "save" : "key.create")}</button></div>
    </form>
  <//>`;
}

function filled(key) {
  const form = { description: key.description || "", models: (key.models || []).join(", "), expires: local(key.expires) };
  for (const name of AMOUNTS) form[name] = key[name] ? String(key[name]) : "";
  return form;
}

function wanted(form) {
  const options = {
    description: form.description,
    models: form.models.split(/[\s,，]+/).filter(Boolean),
    expires: form.expires ? new Date(form.expires).getTime() / 1000 : 0,
  };
  for (const name of AMOUNTS) options[name] = Number(form[name] || 0);
  return options;
}

/** A time as an input of type datetime-local wants it: in the reader's zone, without one. */
function local(epoch) {
  if (!epoch) return "";
  const date = new Date(epoch * 1000);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
