// The log as it is written, by level and text.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { API, remove } from "../api.js";
import { t } from "../language.js";
import { Badge, Empty, Heading } from "../parts/bits.js";
import { confirmed } from "../parts/dialog.js";
import { toast } from "../parts/toast.js";

const LEVELS = ["debug", "info", "warning", "error"];
const KEEP = 2000;
const COLOURS = /\u001b\[[0-9;]*m/g;

export function Logs() {
  const [level, setLevel] = useState("info");
  const [text, setText] = useState("");
  const [paused, setPaused] = useState(false);
  const [lines, setLines] = useState([]);
  const state = useStream(level, text, paused, setLines);
  const clear = async () => {
    if (!(await confirmed(t("logs.clear.ask"), t("logs.clear")))) return;
    remove("/logs").then(() => setLines([]), (error) => toast(error.message, "bad"));
  };
  return html`<${Heading} title=${t("view.logs")}>
      <${Badge} state=${state === "open" ? "ok" : "cooling"}>${t(`logs.${paused ? "paused" : state}`)}<//>
      <button type="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${t(paused ? "logs.go" : "logs.pause")}</button>
      <a class="button" href="${API}/logs/download" download>${t("download")}</a>
      <button type="button" class="danger" onClick=${clear}>${t("logs.clear")}</button>
    <//>
    <div class="filters">
      <select aria-label=${t("logs.level")} value=${level} onChange=${(event) => setLevel(event.target.value)}>
        ${LEVELS.map((name) => html`<option key=${name} value=${name}>${t(`level.${name}`)}</option>`)}</select>
      <input type="search" placeholder=${t("logs.filter")} aria-label=${t("logs.filter")} maxlength="200" value=${text} onInput=${(event) => setText(event.target.value)} />
    </div>
    <${Lines} lines=${lines} />`;
}

function Lines({ lines }) {
  const box = useRef();
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const scrolled = ({ target }) => { atEnd.current = target.scrollHeight - target.scrollTop - target.clientHeight < 40; };
  return html`<div class="card log" ref=${box} tabindex="0" role="log" aria-label=${t("view.logs")} onScroll=${scrolled}>
    ${lines.length === 0 && html`<${Empty}>${t("logs.none")}<//>`}
    ${lines.map((line) => html`<p key=${line.number} class=${line.level}>${line.time && html`<time>${line.time}</time> `}
      ${line.level && html`<b>${line.level}</b> `}${line.text}</p>`)}
  </div>`;
}

/** Follow the log over a WebSocket, and open it again when it breaks; answers how that stands. */
function useStream(level, text, paused, setLines) {
  const [state, setState] = useState("closed");
  useEffect(() => {
    if (paused) return undefined;
    let socket;
    let timer;
    let stopped = false;
    let waiting = [];
    const flush = () => {
      const fresh = waiting;
      waiting = [];
      if (!stopped) setLines((before) => [...before, ...fresh].slice(-KEEP));
    };
    const open = () => {
      socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${API}/logs/stream?${new URLSearchParams({ level, text })}`);
      socket.onopen = () => {
        setLines([]); // the latest lines come first, again
        setState("open");
      };
      socket.onmessage = (event) => {
        if (!waiting.length) requestAnimationFrame(flush); // one drawing for all lines of a frame
        waiting.push(read(event.data));
      };
      socket.onclose = () => {
        if (stopped) return;
        setState("closed");
        timer = setTimeout(open, 2000);
      };
    };
    const first = setTimeout(open, 250); // not once for each letter of the filter
    return () => {
      stopped = true;
      clearTimeout(first);
      clearTimeout(timer);
      socket?.close();
    };
  }, [level, text, paused]);
  return state;
}

let count = 0;

function read(line) {
  const number = ++count;
  try {
    const { timestamp, level, event, ...more } = JSON.parse(line);
    const told = Object.entries(more).filter(([, value]) => value !== null && value !== "");
    const rest = told.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    return { number, time: String(timestamp ?? "").slice(11, 23), level: String(level ?? ""), text: [event, ...rest].join("  ") };
  } catch {
    const text = line.replace(COLOURS, "");
    const level = /\[(debug|info|warning|error|critical)\s*\]/.exec(text)?.[1] || "";
    return { number, time: "", level, text: level ? text.replace(/\[\w+\s*\]\s*/, "") : text };
  }
}
