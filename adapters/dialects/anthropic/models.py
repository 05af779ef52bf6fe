"""Models as Anthropic's libraries list them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from pipeline.errors import BadRequest, NotFound
from pipeline.exchange import Chunk

_UNKNOWN = "1970-01-01T00:00:00Z"  # what Anthropic documents for a release date that is not known
_MAX = 1000


class Page(Struct):
    """Which piece of the list: after or before an id, and how many."""

    after: str = ""
    before: str = ""
    limit: int = 20


def page(query: dict[str, str]) -> Page:
    """Return the piece that a query asks for. Errors: BadRequest for a limit that is no number."""
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit()):
        raise BadRequest(f"limit: expected a number, got {limit!r}", field="limit")
    return Page(query.get("after_id", ""), query.get("before_id", ""), min(max(int(limit), 1), _MAX))


def listing(wanted: Page, models: list[Chunk]) -> dict[str, Any]:
    """Return that piece of the list."""
    data = [_entry(each) for each in models]
    names = [each["id"] for each in data]
    if wanted.after in names:
        data = data[names.index(wanted.after) + 1 :]
    if wanted.before in names:
        data = data[: names.index(wanted.before)]
        shown = data[-wanted.limit :]
    else:
        shown = data[: wanted.limit]
    return {
        "data": shown,
        "has_more": len(shown) < len(data),
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def single(name: str, models: list[Chunk]) -> dict[str, Any]:
    """Return one model. Errors: NotFound when it is not served."""
    for each in models:
        if each.get("name") == f"models/{name.removeprefix('models/')}":
            return _entry(each)
    raise NotFound(f"model: {name}")


def _entry(model: Chunk) -> dict[str, Any]:
    name = model.get("name", "").removeprefix("models/")
    return {
        "type": "model",
        "id": name,
        "display_name": model.get("displayName") or name,
        "created_at": _UNKNOWN,
    }
