"""Stage `models`: answers questions about models without asking upstream."""

from pipeline.errors import NotFound
from pipeline.exchange import Exchange, Reply
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

_JSON = [(b"content-type", b"application/json")]


class Models(StageConfig, frozen=True):
    """Answer the list of models, and single models, from the catalogue of what is really served.

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
                listed = [entry for entry in listed if entry["name"] == f"models/{x.model}"]
                if not listed:
                    raise NotFound(f"The model {x.model!r} is not served here.", field="model")
            x.reply = Reply(headers=list(_JSON), body=x.dialect.models(x, listed))

        return models
