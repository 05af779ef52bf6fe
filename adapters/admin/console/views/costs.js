// What an answer of each model takes from a key's quota.
import { html, useState } from "../html.js";
import { put, remove } from "../api.js";
import { useResource } from "../hooks.js";
import { t } from "../language.js";
import { Loaded, Mark } from "../parts/bits.js";
import { toast } from "../parts/toast.js";

const at = (model) => `/costs/${model.split("/").map(encodeURIComponent).join("/")}`;

export function Costs() {
  const costs = useResource("/costs");
  const attempt = (work) => work().then(costs.reload, (error) => toast(error.message, "bad"));
  return html`<section class="card"><h2>${t("costs")}</h2>
    <${Loaded} of=${costs}>${(data) => html`<p class="hint">${t("costs.about", { n: data.unknown })}</p>
      <ul class="costs">${data.costs.map((each) => html`<li key=${each.model}>
        <label><span>${each.model} ${each.set_here && html`<${Mark}>${t("costs.here")}<//>`}</span>
          <input type="number" min="0" value=${each.cost} onChange=${(event) => attempt(() => put(at(each.model), { cost: Number(event.target.value) }))} /></label>
        ${each.set_here && html`<${Unset} model=${each.model} unset=${() => attempt(() => remove(at(each.model)))} />`}
      </li>`)}</ul>
      <${NewCost} add=${(model, cost) => attempt(() => put(at(model), { cost }))} />`}<//>
  </section>`;
}

function Unset({ model, unset }) {
  const label = t("costs.unset", { model });
  return html`<button type="button" aria-label=${label} title=${label} onClick=${unset}>↺</button>`;
}

function NewCost({ add }) {
  const [model, setModel] = useState("");
  const [cost, setCost] = useState("1");
  const submit = (event) => {
    event.preventDefault();
    add(model.trim(), Number(cost));
    setModel("");
  };
  return html`<form class="inline" onSubmit=${submit}>
    <input aria-label=${t("model")} placeholder=${t("model")} required value=${model} onInput=${(event) => setModel(event.target.value)} />
    <input aria-label=${t("cost")} type="number" min="0" required value=${cost} onInput=${(event) => setCost(event.target.value)} />
    <button>${t("add")}</button>
  </form>`;
}
