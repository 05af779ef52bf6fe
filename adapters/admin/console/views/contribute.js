// The page for those who lend an account: no login, and they learn nothing but that it worked.
import { html } from "../html.js";
import { t } from "../language.js";
import { Looks } from "../parts/looks.js";
import { Steps } from "./google_login.js";

export function Contribute({ looks }) {
  return html`<main class="door wide"><section class="card">
    <h1>${t("contribute")}</h1>
    <p>${t("contribute.about")}</p>
    <${Steps} base="/auth/contribute" />
    <${Looks} looks=${looks} />
  </section></main>`;
}
