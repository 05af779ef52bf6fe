// Where the console begins: which page the address asks for, in which language and theme.
import { html, render, useState } from "./html.js";
import { language, speak } from "./language.js";
import { theme, wear } from "./theme.js";
import { Console } from "./console.js";
import { Contribute } from "./views/contribute.js";
import { KeyQuery } from "./views/key_query.js";
import { Confirmation } from "./parts/dialog.js";
import { Toasts } from "./parts/toast.js";

const PAGES = { "/auth": Contribute, "/api-key-query": KeyQuery };

function Page() {
  const [looks, setLooks] = useState({ language: language(), theme: theme() });
  const change = {
    ...looks,
    setLanguage: (name) => { speak(name); setLooks((before) => ({ ...before, language: name })); },
    setTheme: (name) => { wear(name); setLooks((before) => ({ ...before, theme: name })); },
  };
  const Shown = PAGES[location.pathname] || Console;
  return html`<div class="page" key=${looks.language}>
    <${Shown} looks=${change} />
    <${Toasts} />
    <${Confirmation} />
  </div>`;
}

speak(language());
wear(theme());
render(html`<${Page} />`, document.getElementById("app"));
