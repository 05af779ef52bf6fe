// The door.
import { html, useState } from "../html.js";
import { post } from "../api.js";
import { span } from "../format.js";
import { t } from "../language.js";
import { Looks } from "../parts/looks.js";

export function Login({ looks, onLogin }) {
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState("");
  const enter = async (event) => {
    event.preventDefault();
    try {
      await post("/session", { password });
      onLogin();
    } catch (error) {
      setWrong(error.status === 429 ? t("login.locked", { time: span(error.retryAfter) })
        : error.status === 401 ? t("login.wrong") : error.message);
    }
  };
  return html`<main class="door">
    <form class="card" onSubmit=${enter}>
      <h1>Pollux</h1>
      <label for="password">${t("login.password")}</label>
      <input id="password" type="password" autocomplete="current-password" autofocus required value=${password}
        aria-invalid=${Boolean(wrong)} aria-describedby="wrong" onInput=${(event) => setPassword(event.target.value)} />
      <p id="wrong" class="fault" role="alert">${wrong}</p>
      <button class="main" type="submit">${t("login")}</button>
      <p class="hint">${t("login.hint")}</p>
      <${Looks} looks=${looks} />
    </form>
  </main>`;
}
