"""A pipeline made ready to run: the order checked, every decision taken, closures in a row."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from pipeline.ports import Ports
from pipeline.stage import Stage, StageConfig

TERMINAL = "upstream"
"""The stage that asks upstream: above it stages shape the request, below it the reply."""

FROM_THE_EDGE = frozenset({"id", "request", "dialect", "started", "route", "notes", "pipes", "closers"})
"""The fields of the exchange that are filled before the first stage runs."""

FOR_THE_EDGE = "encoder"
"""The field without which no answer can leave."""


class Misplaced(Struct, frozen=True):
    """One thing wrong with the order of a pipeline; `index` is None when it is the pipeline as a whole."""

    index: int | None
    message: str


class Step(Struct, frozen=True):
    """A stage that has something to do, and the options it was built from."""

    config: StageConfig
    run: Stage


class Plan(Struct, frozen=True):
    """What the engine runs for one pipeline.

    Shape: `ask` goes up to and including `upstream`, `answer` is what stands below it. Stages whose options
        ask for nothing are in neither. `names` are those of `ask` and then of `answer`.
    """

    name: str
    ask: tuple[Stage, ...]
    answer: tuple[Stage, ...]
    names: tuple[str, ...]


def steps(configs: Sequence[StageConfig], ports: Ports) -> Iterator[Step]:
    """Build each stage, in order, and leave out those that have nothing to do."""
    for config in configs:
        run = config.build(ports)
        if run is not None:
            yield Step(config, run)


def plan(name: str, configs: Sequence[StageConfig], ports: Ports) -> Plan:
    """Build a pipeline. Errors: ValueError when its order is wrong (see `misplaced`)."""
    wrong = misplaced(configs)
    if wrong:
        raise ValueError(f"pipeline {name!r}: " + "; ".join(each.message for each in wrong))
    below = [config.name for config in configs].index(TERMINAL) + 1
    ask, answer = (list(steps(part, ports)) for part in (configs[:below], configs[below:]))
    return Plan(
        name,
        tuple(step.run for step in ask),
        tuple(step.run for step in answer),
        tuple(step.config.name for step in (*ask, *answer)),
    )


def misplaced(configs: Sequence[StageConfig]) -> list[Misplaced]:
    """Return everything that is wrong with the order of these stages; nothing when they can run.

    Shape: each stage's `needs` must be given by a stage above it; exactly one stage is `upstream`.
    """
    found = [*_terminal(configs)]
    if not any(FOR_THE_EDGE in config.gives for config in configs):
        found.append(Misplaced(None, f"no stage gives {FOR_THE_EDGE!r}, without which no answer can leave"))
    filled = set(FROM_THE_EDGE)
    for index, config in enumerate(configs):
        found += [Misplaced(index, _unfilled(configs, config, each)) for each in sorted(config.needs - filled)]
        # What is missing is said once, at the first stage that misses it.
        filled |= config.gives | config.needs
    return found


def _terminal(configs: Sequence[StageConfig]) -> Iterator[Misplaced]:
    indices = [index for index, config in enumerate(configs) if config.name == TERMINAL]
    if not indices:
        yield Misplaced(None, f"no stage {TERMINAL!r}: nothing would answer")
    for index in indices[1:]:
        yield Misplaced(index, f"a second {TERMINAL!r}: a pipeline asks upstream in one place")


def _unfilled(configs: Sequence[StageConfig], config: StageConfig, needed: str) -> str:
    givers = [repr(each.name) for each in configs if needed in each.gives]
    where = f"move {givers[0]} above it" if givers else "no stage of this pipeline does"
    return f"{config.name!r} needs {needed!r}, which no stage above it gives: {where}"
