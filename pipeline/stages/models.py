"""Stage `models`: answers questions about models without asking upstream."""

from pipeline.errors import NotFound
from pipeline.exchange import Chunk, Exchange, Reply
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_JSON = [(b"content-type", b"application/json")]


class Models(StageConfig, frozen=True):
    """Answer the list of models, and single models, from the catalogue of what is really served.

    Aliases are listed as models. After `model-suffix`, a single model is found with features in its name too.

    Errors: NotFound for a single model that is not served.
    """

    name = "models"
    needs = frozenset({"operation", "model", "dialect"})

    def build(self, ports: Ports) -> Stage:
        catalogue = ports.catalogue

        async def models(x: Exchange) -> None:
            if x.operation not in ("models", "model"):
                return
            listed = await catalogue.models()
            if x.operation == "model":
                listed = [_one(x, {entry["name"]: entry for entry in listed})]
            x.reply = Reply(headers=list(_JSON), body=x.dialect.models(x, listed))

        return models


def _one(x: Exchange, listed: dict[str, Chunk]) -> Chunk:
    """Return the entry of the model that is asked about; features may ride on its name, as when it is called."""
    asked = f"models/{x.named}"
    entry = listed.get(asked) or listed.get(f"models/{x.model}")
    if entry is None:
        raise NotFound(f"The model {x.named!r} is not served here.", field="model")
    return {**entry, "name": asked}
