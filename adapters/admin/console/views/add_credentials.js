// Credentials come in: dropped files and ZIP archives, chosen files, or pasted text.
import { html, useState } from "../html.js";
import { API, call, post } from "../api.js";
import { useWork } from "../hooks.js";
import { t } from "../language.js";
import { Badge, Progress } from "../parts/bits.js";
import { Dialog } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";

export function AddCredentials({ onClose }) {
  const [busy, run] = useWork(toast);
  const [outcome, setOutcome] = useState(null);
  const [text, setText] = useState("");
  const send = (work) => run(async () => setOutcome(await work()));
  const upload = (files) => {
    const form = new FormData();
    for (const file of files) form.append("files", file, file.name);
    if (files.length) send(() => call("POST", `${API}/credentials/upload`, form));
  };
  const paste = (event) => {
    event.preventDefault();
    send(async () => {
      const answer = await post("/credentials", { text });
      setText("");
      return answer;
    });
  };
  return html`<${Dialog} title=${t("creds.add")} onClose=${onClose} wide>
    <${Drop} onFiles=${upload} />
    <form onSubmit=${paste}>
      <label for="pasted">${t("creds.paste")}</label>
      <textarea id="pasted" rows="5" spellcheck="false" autocomplete="off" required value=${text} placeholder=${t("creds.paste.hint")}
        onInput=${(event) => setText(event.target.value)}></textarea>
      <div class="actions"><button class="main" disabled=${busy || !text.trim()}>${t("add")}</button></div>
    </form>
    ${busy && html`<${Progress} label=${t("creds.sending")} />`}
    ${outcome && html`<${Outcome} of=${outcome} />`}
  <//>`;
}

function Drop({ onFiles }) {
  const [over, setOver] = useState(false);
  const drag = (on) => (event) => {
    event.preventDefault();
    setOver(on);
  };
  const drop = (event) => {
    drag(false)(event);
    onFiles([...event.dataTransfer.files]);
  };
  const chosen = (event) => {
    onFiles([...event.target.files]);
    event.target.value = "";
  };
  return html`<label class="drop ${over ? "over" : ""}" onDragOver=${drag(true)} onDragLeave=${drag(false)} onDrop=${drop}>
    <input type="file" multiple accept=".json,.zip,.txt" onChange=${chosen} />
    <b>${t("creds.drop")}</b><span>${t("creds.drop.hint")}</span>
  </label>`;
}

function Outcome({ of }) {
  return html`<section role="status">
    <p><b>${t("creds.outcome", { added: of.added, known: of.known, refused: of.refused })}</b></p>
    <ul class="outcome">${of.results.map((each, index) => html`<li key=${index}>
      <${Badge} state=${each.result} /> <span>${each.id || each.entry}</span> <small>${each.reason || each.kind}</small>
    </li>`)}</ul>
  </section>`;
}
