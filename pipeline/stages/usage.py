"""Stage `usage`: tokens are counted once the answer has ended."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Usage(StageConfig, frozen=True):
    """Count the tokens of every answer, by model and type, from what upstream reports."""

    name = "usage"
    needs = frozenset({"reply"})

    def build(self, ports: Ports) -> Stage:
        meter = ports.meter

        async def usage(x: Exchange) -> None:
            async def count(outcome: BaseException | None) -> None:
                if x.usage:
                    meter.tokens(x.model, x.usage)

            x.closers.append(count)

        return usage
