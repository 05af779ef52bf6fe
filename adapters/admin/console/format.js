// Numbers and times as people read them.
import { language, t } from "./language.js";

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

export const whole = (value) => new Intl.NumberFormat(locale()).format(Math.round(value));
export const short = (value) =>
  new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
export const percent = (share) =>
  new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: share && share < 0.1 ? 1 : 0 }).format(share);

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  return milliseconds(value * 1000);
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  if (value < 1) return `${(value * 1000).toFixed(0)} µs`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

export const clock = (epoch) =>
  new Date(epoch * 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", hour12: false });
export const clockSeconds = (epoch) => new Date(epoch * 1000).toLocaleTimeString(locale(), { hour12: false });

export function moment(epoch) {
  if (!epoch) return "–";
  const date = new Date(epoch * 1000);
  const day = { year: "numeric", month: "short", day: "numeric" };
  return date.toDateString() === new Date().toDateString()
    ? clockSeconds(epoch)
    : date.toLocaleString(locale(), { ...day, hour: "2-digit", minute: "2-digit", hour12: false });
}

/** A length of time, such as `2 h 5 min` or `0:42`. */
export function span(length) {
  const left = Math.max(0, Math.ceil(length));
  const [days, hours, minutes] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60];
  const parts = (units) => units.filter(([n]) => n).map(([n, unit]) => t(`span.${unit}`, { n })).join(" ");
  if (days) return parts([[days, "days"], [hours, "hours"]]);
  if (hours) return parts([[hours, "hours"], [minutes, "minutes"]]);
  return `${minutes}:${String(left % 60).padStart(2, "0")}`;
}
