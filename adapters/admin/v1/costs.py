"""Resource `costs`: what an answer of each model takes from a key's quota."""

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, not_found
from adapters.admin.shapes import Cost, CostOption, Costs


async def list_costs(ask: Ask) -> Costs:
    """List the costs that hold."""
    return costs_of(ask)


async def set_cost(ask: Ask) -> Cost:
    """Set the cost of a model; it holds at once, and wins over proxy.toml."""
    ask.office.costs.put(ask.path["model"], ask.body.cost)
    return Cost(ask.path["model"], ask.body.cost, True)


async def unset_cost(ask: Ask) -> None:
    """Let proxy.toml say the cost of a model again."""
    model = ask.path["model"]
    if not any(each.model == model and each.set_here for each in costs_of(ask).costs):
        raise not_found("cost set here for a model", model)
    ask.office.costs.put(model, None)


def costs_of(ask: Ask) -> Costs:
    """Return the costs that hold, and which of them were set at run time."""
    table, unknown = ask.office.cost_table()
    set_here = ask.office.costs.all({})
    costs = ask.office.costs.all(table)
    return Costs([Cost(model, costs[model], model in set_here) for model in sorted(costs)], unknown)


OPERATIONS = (
    Operation(method="GET", path="/costs", run=list_costs, answer=Costs),
    Operation(method="PUT", path="/costs/{model:path}", run=set_cost, body=CostOption, answer=Cost),
    Operation(method="DELETE", path="/costs/{model:path}", run=unset_cost, status=204),
)
