// The console's frame: who is logged in, where one is, and the way to everywhere else.
import { html, useEffect, useErrorBoundary, useRef, useState } from "./html.js";
import { get, onLoggedOut, remove } from "./api.js";
import { t } from "./language.js";
import { Failed, Waiting } from "./parts/bits.js";
import { Looks } from "./parts/looks.js";
import { Login } from "./views/login.js";
import { Overview } from "./views/overview.js";
import { Credentials } from "./views/credentials.js";
import { Keys } from "./views/keys.js";
import { Pipeline } from "./views/pipeline.js";
import { Configuration } from "./views/configuration.js";
import { Logs } from "./views/logs.js";
import { Playground } from "./views/playground.js";
import { Jobs } from "./views/jobs.js";

const VIEWS = {
  overview: Overview, credentials: Credentials, keys: Keys, pipeline: Pipeline,
  configuration: Configuration, logs: Logs, playground: Playground, jobs: Jobs,
};

const FIRST = location.pathname === "/api-key-admin" ? "keys" : "overview";
const named = () => (location.hash.slice(2) in VIEWS ? location.hash.slice(2) : FIRST);

export function Console({ looks }) {
  const [session, setSession] = useState("asking");
  useEffect(() => {
    onLoggedOut.tell = () => setSession("out");
    get("/session").then(() => setSession("in"), (error) => setSession(error.status === 401 ? "out" : error));
  }, []);
  if (session === "asking") return html`<${Waiting} />`;
  if (session === "out") return html`<${Login} looks=${looks} onLogin=${() => setSession("in")} />`;
  if (session !== "in") return html`<${Failed} error=${session} retry=${() => location.reload()} />`;
  const leave = () => remove("/session").finally(() => setSession("out"));
  return html`<${Frame} looks=${looks} leave=${leave} />`;
}

function Frame({ looks, leave }) {
  const [view, setView] = useState(named);
  const main = useRef();
  useEffect(() => {
    const moved = () => setView(named());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    document.title = `${t(`view.${view}`)} · Pollux`;
    main.current.scrollTo?.(0, 0);
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [view]);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <aside>
      <a class="brand" href="#/overview"><span aria-hidden="true">♊︎</span> Pollux</a>
      <nav aria-label=${t("views")}>
        ${Object.keys(VIEWS).map((name) => html`<a key=${name} href="#/${name}" aria-current=${name === view ? "page" : undefined}>
          ${t(`view.${name}`)}</a>`)}
      </nav>
      <footer><${Looks} looks=${looks} /><button type="button" onClick=${leave}>${t("logout")}</button></footer>
    </aside>
    <main ref=${main} id="main" tabindex="-1"><${Shown} key=${view} view=${view} /></main>
  </div>`;
}

function Shown({ view }) {
  const [error, reset] = useErrorBoundary();
  if (error) return html`<${Failed} error=${error} retry=${reset} />`;
  const View = VIEWS[view];
  return html`<${View} />`;
}
