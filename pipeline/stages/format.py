"""Stage `format`: what is asked, in the hub's terms."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Format(StageConfig, frozen=True):
    """Read the request in its own dialect into the hub's form: model, operation, stream or not, Gemini payload.

    Errors: BadRequest naming the field; NotFound.
    """

    name = "format"
    needs = frozenset({"request", "dialect"})
    gives = frozenset({"asked", "model", "payload", "operation", "stream"})

    def build(self, ports: Ports) -> Stage:
        async def read(x: Exchange) -> None:
            asked = x.dialect.read(x.request)
            x.asked = asked
            x.model = asked.model.removeprefix("models/")
            x.payload = asked.payload
            x.operation = asked.operation
            x.stream = asked.stream

        return read
