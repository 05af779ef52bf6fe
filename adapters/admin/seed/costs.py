"""`/auth/models/costs` and `/auth/models/{model}/cost`."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, not_found
from adapters.admin.v1.costs import costs_of


class NewCost(Struct):
    """The cost of a model's answer."""

    model_name: Annotated[str, Meta(min_length=1, max_length=200)]
    cost: Annotated[int, Meta(ge=0, le=2**31)]


async def seed_costs(ask: Ask) -> dict[str, Any]:
    """Return the costs that hold."""
    costs = costs_of(ask)
    return {"model_costs": {each.model: each.cost for each in costs.costs}, "default_cost": costs.unknown}


async def seed_set_cost(ask: Ask) -> dict[str, Any]:
    """Set the cost of a model."""
    ask.office.costs.put(ask.body.model_name, ask.body.cost)
    return {"message": "cost saved", "model_name": ask.body.model_name, "cost": ask.body.cost}


async def seed_unset_cost(ask: Ask) -> dict[str, Any]:
    """Let the configuration say a model's cost again."""
    model = ask.path["model"]
    if not any(each.model == model and each.set_here for each in costs_of(ask).costs):
        raise not_found("cost set for a model", model)
    ask.office.costs.put(model, None)
    return {"message": "cost removed", "model_name": model}


async def seed_cost(ask: Ask) -> dict[str, Any]:
    """Return what an answer of a model costs."""
    costs, model = costs_of(ask), ask.path["model"]
    cost = next((each.cost for each in costs.costs if each.model == model), costs.unknown)
    return {"model_name": model, "cost": cost}


OPERATIONS = (
    Operation(method="GET", path="/auth/models/costs", run=seed_costs),
    Operation(method="POST", path="/auth/models/costs", run=seed_set_cost, body=NewCost),
    Operation(method="DELETE", path="/auth/models/costs/{model:path}", run=seed_unset_cost),
    Operation(method="GET", path="/auth/models/{model:path}/cost", run=seed_cost, door="public"),
)
