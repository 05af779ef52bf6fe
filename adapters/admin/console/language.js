// What the console says, in the reader's language.
import en from "./words/en.js";
import zh from "./words/zh.js";

const WORDS = { en, zh };
const KEPT = "pollux.language";

function initial() {
  const kept = localStorage.getItem(KEPT);
  if (kept in WORDS) return kept;
  return navigator.languages.find((each) => /^(zh|en)/i.test(each))?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

let current = initial();

export const language = () => current;

export function speak(name) {
  current = name;
  localStorage.setItem(KEPT, name);
  document.documentElement.lang = name === "zh" ? "zh-Hans" : "en";
}

/** The words for a key, with `{name}` filled in; of "one|many" those that fit `n`. */
export function t(key, values = {}) {
  const [one, many = one] = (WORDS[current][key] ?? WORDS.en[key] ?? key).split("|");
  const words = String(values.n) === "1" ? one : many;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The words for a key that may not exist, such as a state that a later server has. */
export const tOr = (key, otherwise) => WORDS[current][key] ?? otherwise;
