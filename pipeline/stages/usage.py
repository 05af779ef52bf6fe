"""Stage `usage`: what an answer took is charged and counted."""

from pipeline.exchange import Exchange
from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig


class Usage(StageConfig, frozen=True):
    """Count the calls and tokens of every model, credential and key, from what upstream reports.

    Where stage `quota` reserved something, this is also where the answer begins to count against it.
    """

    name = "usage"
    needs = frozenset({"reply"})

    def build(self, ports: Ports) -> Stage:
        meter, record = ports.meter, ports.usage.record

        async def usage(x: Exchange) -> None:
            if x.charge is not None:
                x.charge.begin()

            async def count(outcome: BaseException | None) -> None:
                if x.usage:
                    meter.tokens(x.model, x.usage)
                record(x, outcome)

            x.closers.append(count)

        return usage
