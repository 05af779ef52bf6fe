"""Resources `overview`, `series` and `models`: how the house is doing."""

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation
from adapters.admin.shapes import Models, Overview, Series


async def overview(ask: Ask) -> Overview:
    """Return health, counts, rates, recent errors and how long quotas will last."""
    return await ask.office.overview()


async def series(ask: Ask) -> Series:
    """Return the last hour in buckets, for charts."""
    return await ask.office.series()


async def models(ask: Ask) -> Models:
    """Return the models that are really served."""
    return Models(await ask.office.models())


OPERATIONS = (
    Operation(method="GET", path="/overview", run=overview, answer=Overview),
    Operation(method="GET", path="/series", run=series, answer=Series),
    Operation(method="GET", path="/models", run=models, answer=Models),
)
