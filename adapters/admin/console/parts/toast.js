// Short messages that come and go; read aloud by screen readers.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";

let show = () => {};
let count = 0;

/** Say something for a few seconds. Tone: "good", "bad" or "plain". */
export const toast = (text, tone = "plain") => show({ id: ++count, text, tone });

export function Toasts() {
  const [shown, setShown] = useState([]);
  const box = useRef();
  useEffect(() => {
    show = (message) => {
      setShown((before) => [...before.slice(-3), message]);
      setTimeout(() => setShown((before) => before.filter((each) => each.id !== message.id)), 6000);
    };
    return () => { show = () => {}; };
  }, []);
  useLayoutEffect(() => {
    box.current.hidePopover?.();
    if (shown.length) box.current.showPopover?.(); // once more, so that it is above a dialog that opened since
  }, [shown]);
  return html`<div ref=${box} popover="manual" class="toasts" role="status" aria-live="polite">
    ${shown.map((each) => html`<div key=${each.id} class="toast ${each.tone}">${each.text}</div>`)}
  </div>`;
}
