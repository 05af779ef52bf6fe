"""What a stage is: a frozen Struct whose fields are its options in proxy.toml, and which builds a closure once.

A stage does four things and no more: fill a field of the exchange; answer by setting `x.reply`; ask for events with
`x.pipes.append(fn)`; be told the end with `x.closers.append(fn)`.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from msgspec import Struct

from pipeline.exchange import Exchange
from pipeline.ports import Ports

Stage = Callable[[Exchange], Awaitable[None]]


class StageConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stage's options. Subclass it, add fields with defaults, and say what `build` does with them.

    Shape: `name` is the one name everywhere (toml, docs, metrics, logs); `needs` and `gives` are the fields of the
        exchange it reads and fills, by which the order of a pipeline is checked at start.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset()

    def build(self, ports: Ports) -> Stage | None:
        """Decide everything now and return what runs per request; None when these options ask for nothing."""
        raise NotImplementedError
