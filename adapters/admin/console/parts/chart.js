// A chart of values over time, drawn as SVG: lines, or stacked bars. Its numbers are also there as text.
import { html, useEffect, useRef, useState } from "../html.js";
import { clock } from "../format.js";
import { t } from "../language.js";

const HEIGHT = 170;
const EDGE = { top: 8, right: 8, bottom: 20, left: 46 };

/**
 * `at` are the times of the values, `series` are {name, tone, values}; `format` writes a value; `total` is what the
 * heading says.
 */
export function Chart({ title, total, at, series, format, bars }) {
  const [box, width] = useWidth();
  const [pointed, setPointed] = useState(null);
  const shown = series.filter((each) => each.values.some((value) => value));
  const top = niceTop(Math.max(0, ...at.map((_, index) => height(shown, index, bars))));
  const inner = Math.max(40, width - EDGE.left - EDGE.right);
  const step = inner / Math.max(1, at.length);
  const scale = {
    x: (index) => EDGE.left + (index + 0.5) * step,
    y: (value) => EDGE.top + (1 - value / top) * (HEIGHT - EDGE.top - EDGE.bottom),
    step,
  };
  const point = (event) => {
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left - EDGE.left;
    setPointed(Math.min(at.length - 1, Math.max(0, Math.floor(left / step))));
  };
  return html`<figure class="chart card">
    <figcaption><h2>${title}</h2><output>${total}</output></figcaption>
    <div ref=${box} class="canvas">
      <svg width=${width} height=${HEIGHT} role="img" aria-label="${title}: ${total}"
        onPointerMove=${point} onPointerDown=${point} onPointerLeave=${() => setPointed(null)}>
        <${Axes} at=${at} top=${top} scale=${scale} width=${width} format=${format} />
        ${shown.length === 0 && html`<text class="none" x=${EDGE.left + inner / 2} y=${HEIGHT / 2 - 8}>${t("chart.none")}</text>`}
        ${bars ? html`<${Bars} series=${shown} scale=${scale} at=${at} />` : html`<${Lines} series=${shown} scale=${scale} />`}
        ${pointed !== null && html`<line class="pointer" x1=${scale.x(pointed)} x2=${scale.x(pointed)} y1=${EDGE.top} y2=${HEIGHT - EDGE.bottom} />`}
      </svg>
    </div>
    <${Legend} series=${series} pointed=${pointed} at=${at} format=${format} />
  </figure>`;
}

function Axes({ at, top, scale, width, format }) {
  const every = Math.max(1, Math.ceil(at.length / Math.max(2, Math.floor(width / 90))));
  return html`<g class="axes" aria-hidden="true">
    ${[0, 0.5, 1].map((share) => html`
      <line x1=${EDGE.left} x2=${width - EDGE.right} y1=${scale.y(top * share)} y2=${scale.y(top * share)} />
      <text class="value" x=${EDGE.left - 6} y=${scale.y(top * share) + 4}>${format(top * share)}</text>`)}
    ${at.map((time, index) => (at.length - 1 - index) % every === 0 && index * scale.step > 10 && (at.length - index) * scale.step > 14
      && html`<text class="time" x=${scale.x(index)} y=${HEIGHT - 5}>${clock(time)}</text>`)}
  </g>`;
}

function Bars({ series, scale, at }) {
  const wide = Math.max(1, scale.step - Math.min(2, scale.step * 0.25));
  return at.map((time, index) => {
    let below = 0;
    return series.map(({ tone, values }) => {
      const value = values[index] || 0;
      below += value;
      return value > 0 && html`<rect class="fill ${tone}" key=${`${time}${tone}`} x=${scale.x(index) - wide / 2} width=${wide}
        y=${scale.y(below)} height=${Math.max(1, scale.y(0) - scale.y(value))} />`;
    });
  });
}

function Lines({ series, scale }) {
  return series.map(({ name, tone, values }) => {
    let pen = "M";
    const path = values.map((value, index) => {
      if (value === null || value === undefined) {
        pen = "M";
        return "";
      }
      const part = `${pen}${scale.x(index).toFixed(1)} ${scale.y(value).toFixed(1)}`;
      pen = "L";
      return part;
    });
    const alone = (value, index) => value !== null && value !== undefined && empty(values[index - 1]) && empty(values[index + 1]);
    return html`<g key=${name}>
      <path class="stroke ${tone}" d=${path.join("")} />
      ${values.map((value, index) => alone(value, index) && html`<circle class="fill ${tone}" r="2.5" cx=${scale.x(index)} cy=${scale.y(value)} />`)}
    </g>`;
  });
}

function Legend({ series, pointed, at, format }) {
  const value = (values) => (pointed === null ? "" : ` ${empty(values[pointed]) ? "–" : format(values[pointed])}`);
  return html`<ul class="legend">
    ${pointed !== null && html`<li class="when">${clock(at[pointed])}</li>`}
    ${series.map(({ name, tone, values }) => html`<li key=${name}><i class="fill ${tone}"></i>${name}<b>${value(values)}</b></li>`)}
  </ul>`;
}

const empty = (value) => value === null || value === undefined;

const height = (series, index, bars) =>
  bars ? series.reduce((sum, each) => sum + (each.values[index] || 0), 0) : Math.max(0, ...series.map((each) => each.values[index] || 0));

function niceTop(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].find((each) => each * size >= value) * size;
}

function useWidth() {
  const box = useRef();
  const [width, setWidth] = useState(320);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return [box, width];
}
