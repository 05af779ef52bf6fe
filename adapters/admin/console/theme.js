// Light, dark, or as the device has it.
const KEPT = "pollux.theme";
export const THEMES = ["auto", "light", "dark"];

export const theme = () => (THEMES.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "auto");

export function wear(name) {
  localStorage.setItem(KEPT, name);
  document.documentElement.dataset.theme = name;
}
