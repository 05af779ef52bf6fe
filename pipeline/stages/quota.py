"""Stage `quota`: how much the caller's key may still ask for."""

from collections.abc import Callable

from msgspec import field

from pipeline.costs import DEFAULT
from pipeline.errors import Forbidden
from pipeline.exchange import Chunk, Closer, Exchange
from pipeline.keys import may_use
from pipeline.ports import Ports
from pipeline.quota import Charge, is_charged
from pipeline.stage import Stage, StageConfig

CHARACTERS_PER_TOKEN = 4
"""Source: "a token is equivalent to about 4 characters", Gemini API, token counting."""

TOKENS_PER_FILE = 258
"""What a picture counts at least. Source: the same."""


class Quota(StageConfig, frozen=True):
    """Reserve what a request costs from the quotas of its key, and refuse what these do not allow.

    A key's total and daily quota are counted in cost units: `costs` gives those of a model, by the name it was asked
    for by, or else by the plain one; `default_cost` is every other model's. An answer is charged once, when it is
    complete; what upstream failed to answer is refunded, and so is what its caller left before the first byte.
    Passwords have no quotas.

    Shape: `anti_truncation` is by how much an answer costs more that is continued when it is truncated.
    Errors: Limited, Forbidden.
    """

    name = "quota"
    needs = frozenset({"caller", "model", "features"})
    gives = frozenset({"charge"})

    costs: dict[str, int] = field(default_factory=lambda: dict(DEFAULT))
    default_cost: int = 1
    anti_truncation: int = 2

    def __post_init__(self) -> None:
        lowest = min([*self.costs.values(), self.default_cost, self.anti_truncation])
        if lowest < 0:
            raise ValueError(f"a cost is 0 or more, not {lowest}")

    def build(self, ports: Ports) -> Stage:
        quotas, cost = ports.quotas, self._pricing(ports)

        async def quota(x: Exchange) -> None:
            key = x.caller.key if x.caller else None
            if key is None:
                return
            if not may_use(key, x.model):
                raise Forbidden(f"This API key may not use the model {x.model!r}.", field="model")
            x.charge = await quotas.charge(key, cost(x), estimate(x.payload) if key.tpm else 0)
            x.closers.append(_settling(x, x.charge))

        return quota

    def _pricing(self, ports: Ports) -> Callable[[Exchange], int]:
        of, table = ports.quotas.costs.of, self.costs

        def cost(x: Exchange) -> int:
            if x.operation == "count_tokens":
                return 0
            exact = of(x.asked.model, table)
            if exact is not None and x.asked.model != x.model:
                return exact
            plain = of(x.model, table)
            factor = self.anti_truncation if "anti-truncation" in x.features else 1
            return factor * (self.default_cost if plain is None else plain)

        return cost


def estimate(payload: Chunk) -> int:
    """Return about how many tokens a request has; upstream's own count takes its place at the end."""
    contents = [*(payload.get("contents") or ()), payload.get("systemInstruction") or {}]
    parts = [part for content in contents for part in content.get("parts") or ()]
    texts = sum(len(part["text"]) for part in parts if isinstance(part.get("text"), str))
    files = sum("inlineData" in part or "fileData" in part for part in parts)
    return texts // CHARACTERS_PER_TOKEN + files * TOKENS_PER_FILE + 1


def _settling(x: Exchange, charge: Charge) -> Closer:
    async def settle(outcome: BaseException | None) -> None:
        charge.settle(charged=is_charged(x, outcome), tokens=x.usage.get("totalTokenCount", 0))

    return settle
