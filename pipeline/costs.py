"""What an answer of a model costs, in the units that quotas are given in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.following import Following

if TYPE_CHECKING:
    from pipeline.ports import StateStore

KIND = "cost"
"""The kind of document that a cost set at run time is kept as: `{"cost": 5}` by model."""

DEFAULT = {
    "gemini-2.5-pro": 10,
    "gemini-2.5-pro-preview-06-05": 10,
    "gemini-2.5-flash": 2,
    "gemini-3-pro-preview": 15,
}


class Costs:
    """Costs that were set at run time; they win over proxy.toml's."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._set: dict[str, int] = {}
        self.following = Following(state, KIND, self.load)

    async def load(self) -> None:
        """Load what was set. Errors: StoreError."""
        documents = await self._state.load(KIND)
        self._set = {model: int(document["cost"]) for model, document in documents.items()}

    def put(self, model: str, cost: int | None) -> None:
        """Set the cost of a model; None lets proxy.toml say it again."""
        self._set = {name: known for name, known in self._set.items() if name != model}
        if cost is not None:
            self._set[model] = cost
        self._state.put(KIND, model, None if cost is None else {"cost": cost})
        self.following.changed()  # what is being read may be older

    def of(self, name: str, table: Mapping[str, int]) -> int | None:
        """Return the cost of a model by exactly this name, if it has one."""
        return self._set.get(name, table.get(name))

    def all(self, table: Mapping[str, int]) -> dict[str, int]:
        """Return the costs that hold, those of proxy.toml included."""
        return {**table, **self._set}
