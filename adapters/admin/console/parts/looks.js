// Language and theme, to choose.
import { html } from "../html.js";
import { t } from "../language.js";
import { THEMES } from "../theme.js";

const SIGNS = { auto: "◐", light: "☀︎", dark: "☾" };

export function Looks({ looks }) {
  const next = THEMES[(THEMES.indexOf(looks.theme) + 1) % THEMES.length];
  const other = looks.language === "zh" ? "en" : "zh";
  const label = t("theme", { name: t(`theme.${looks.theme}`) });
  return html`<div class="looks">
    <button type="button" lang=${other} onClick=${() => looks.setLanguage(other)}>${other === "zh" ? "中文" : "English"}</button>
    <button type="button" aria-label=${label} title=${label} onClick=${() => looks.setTheme(next)}>${SIGNS[looks.theme]}</button>
  </div>`;
}
