// A window over the page. The browser's own: Esc closes it, and the keyboard stays inside.
import { html, useEffect, useRef, useState } from "../html.js";
import { t } from "../language.js";

export function Dialog({ title, onClose, wide, children }) {
  const box = useRef();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const cancelled = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} onCancel=${cancelled} aria-label=${title}>
    <header>
      <h2>${title}</h2>
      <button type="button" class="quiet" aria-label=${t("close")} onClick=${onClose}>✕</button>
    </header>
    <div class="body">${children}</div>
  </dialog>`;
}

let show = () => {};

/** Ask whether something may be done; the answer is a promise of true or false. */
export const confirmed = (question, action) => new Promise((answer) => show({ question, action, answer }));

export function Confirmation() {
  const [asked, setAsked] = useState(null);
  useEffect(() => {
    show = setAsked;
    return () => { show = () => {}; };
  }, []);
  if (!asked) return null;
  const answer = (yes) => {
    setAsked(null);
    asked.answer(yes);
  };
  return html`<${Dialog} title=${asked.action} onClose=${() => answer(false)}>
    <p>${asked.question}</p>
    <div class="actions">
      <button type="button" onClick=${() => answer(false)}>${t("cancel")}</button>
      <button type="button" class="danger" autofocus onClick=${() => answer(true)}>${asked.action}</button>
    </div>
  <//>`;
}
