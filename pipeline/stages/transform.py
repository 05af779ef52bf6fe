"""Stage `transform`: the answer leaves in the caller's dialect."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Transform(StageConfig, frozen=True):
    """Choose the encoder that turns upstream's events into the caller's dialect, as a stream or as one document."""

    name = "transform"
    needs = frozenset({"dialect", "asked"})
    gives = frozenset({"encoder"})

    def build(self, ports: Ports) -> Stage:
        async def transform(x: Exchange) -> None:
            if x.encoder is None and (x.reply is None or x.reply.body is None):
                x.encoder = x.dialect.encoder(x)

        return transform
