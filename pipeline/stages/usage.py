"""Stage `usage`: what an answer took is charged and counted."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Usage(StageConfig, frozen=True):
    """Count the tokens of every answer, by model and type, from what upstream reports.

    Where stage `quota` reserved something, this is also where the answer begins to count against it: before its first
    byte leaves, so that nothing is answered for free, whatever happens to this process.
    """

    name = "usage"
    needs = frozenset({"reply"})

    def build(self, ports: Ports) -> Stage:
        meter = ports.meter

        async def usage(x: Exchange) -> None:
            if x.charge is not None:
                x.charge.begin()

            async def count(outcome: BaseException | None) -> None:
                if x.usage:
                    meter.tokens(x.model, x.usage)

            x.closers.append(count)

        return usage
