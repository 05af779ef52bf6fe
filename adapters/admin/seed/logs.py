"""`/auth/logs/clear` and `/auth/logs/download`; the stream is `adapters.admin.log_stream`."""

from typing import Any

from adapters.admin.ask import Ask
from adapters.admin.operation import Download, Operation


async def seed_clear(ask: Ask) -> dict[str, Any]:
    """Empty the log."""
    await ask.office.logs.clear()
    return {"message": "log cleared"}


async def seed_download(ask: Ask) -> Download:
    """Return the whole log."""
    return Download("gcli2api.log", "text/plain; charset=utf-8", ask.office.logs.download())


OPERATIONS = (
    Operation(method="POST", path="/auth/logs/clear", run=seed_clear),
    Operation(method="GET", path="/auth/logs/download", run=seed_download),
)
