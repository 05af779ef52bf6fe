"""Usage, as the admin API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.admin import shapes

if TYPE_CHECKING:
    from pipeline.usage import Usage


def usage_view(usage: Usage | None) -> shapes.Usage:
    """Return what is shown of a count; of none, zeros."""
    if usage is None:
        return shapes.Usage()
    return shapes.Usage(
        usage.calls, usage.ok, usage.cost, round(usage.success_rate, 4), dict(usage.tokens), dict(usage.models)
    )
