"""The books of the ledger: what a project may use of a model in a window, what is spent, and when it will be dry."""

from fnmatch import fnmatchcase
from math import exp
from typing import Annotated

from msgspec import Meta, Struct, field

from pipeline.allowance import Allowance
from pipeline.errors import QuotaName
from pipeline.units import Unit
from pipeline.windows import Window, Windows

QUOTAS: tuple[QuotaName, ...] = ("rpm", "tpm", "rpd", "tpd")

_LOOK_BACK = 300.0  # seconds over which a rate is averaged

Count = Annotated[int, Meta(ge=0)]


class Limit(Struct, frozen=True, kw_only=True):
    """The quotas of models and projects that fit these globs: requests and input tokens, per minute and day.

    Shape: 0 is a quota that is not known. A credential without a project counts as one, by its own id.
    """

    model: str = "*"
    project: str = "*"
    rpm: Count = 0
    tpm: Count = 0
    rpd: Count = 0
    tpd: Count = 0

    def __post_init__(self) -> None:
        if not self.quotas():
            raise ValueError("limits nothing: say rpm, tpm, rpd or tpd")

    def fits(self, unit: Unit, model: str) -> bool:
        """Whether this is said of that unit and model."""
        return fnmatchcase(model, self.model) and fnmatchcase(project_of(unit), self.project)

    def quotas(self) -> dict[QuotaName, int]:
        """Return the quotas that are known."""
        return {name: limit for name in QUOTAS if (limit := getattr(self, name))}


class Forecast(Struct, frozen=True, kw_only=True):
    """What is left of one quota.

    Shape: `remaining` is the limit less what this worker has granted, and what others had settled when the store was
        last looked at: they settle four times a second, and what they have under way is not in it.
    Units: epoch seconds; `dry_at` is None when it lasts until `resets_at`.
    """

    project: str
    model: str
    quota: QuotaName
    limit: int
    remaining: int
    resets_at: float
    dry_at: float | None


class Tally(Struct):
    """What was spent of one quota in its window.

    Shape: `seen` is what was spent when that was last looked at, if ever. Units: `rate` per second.
    """

    quota: QuotaName
    of_tokens: bool
    window: Window
    allowance: Allowance
    seen: int | None = None
    rate: float = 0.0

    @property
    def limit(self) -> int:
        """What may be spent in the window."""
        return self.allowance.limit

    @property
    def left(self) -> int:
        """What is not spent; below zero when answers had more tokens than was estimated."""
        return self.allowance.limit - self.allowance.used

    def amount(self, tokens: int) -> int:
        """Return what a request takes of this quota that is expected to have so many tokens."""
        if not self.of_tokens:
            return 1
        # An estimate over the whole limit must not shut a request out for ever, nor one of 0 let it in.
        return max(min(tokens, self.allowance.limit), 1)


class Book(Struct):
    """The tallies of one account and model.

    Shape: `unit` is any of the units that share them; `held` says that those rest because something is spent;
        the windows hold from `since` until `turns_at`, when the first of them is over.
    Units: epoch seconds.
    """

    unit: Unit
    account: str
    model: str
    tallies: list[Tally] = field(default_factory=list)
    held: bool = False
    since: float = 0.0
    turns_at: float = 0.0
    rated_at: float = 0.0

    @property
    def dry(self) -> list[Tally]:
        """The tallies of which nothing is left."""
        return [tally for tally in self.tallies if tally.left <= 0]

    @property
    def is_used(self) -> bool:
        """Whether anything was spent, here or elsewhere."""
        return any(tally.allowance.used for tally in self.tallies)

    def note_rates(self, now: float) -> None:
        """Look how much was spent since the last time, to tell how long the rest will last."""
        faded = self._faded(now)
        self.rated_at = now
        for tally in self.tallies:
            used = tally.allowance.used
            seen = tally.allowance.elsewhere if tally.seen is None else tally.seen
            tally.rate = tally.rate * faded + max(used - seen, 0) / _LOOK_BACK
            tally.seen = used

    def forecast(self, tally: Tally, now: float) -> Forecast:
        """Return what is left of one of the quotas, and when it is dry if all goes on as in the last minutes."""
        left, rate = max(tally.left, 0), tally.rate * self._faded(now)
        dry_at = now + left / rate if rate else tally.window.end
        return Forecast(
            project=project_of(self.unit),
            model=self.model,
            quota=tally.quota,
            limit=tally.limit,
            remaining=left,
            resets_at=tally.window.end,
            dry_at=(dry_at if dry_at < tally.window.end else None) if left else now,
        )

    def _faded(self, now: float) -> float:
        """Return how much of the rates is left since they were noted; all of it where the clock was set back."""
        return exp(min(self.rated_at - now, 0.0) / _LOOK_BACK)


def window_of(quota: QuotaName, windows: Windows, now: float) -> Window:
    """Return the window that a quota is counted in now."""
    return windows.minute(now) if quota[2] == "m" else windows.day(now)


def project_of(unit: Unit) -> str:
    """Return what a project is called to an operator; a credential that names none is one by itself."""
    return unit.shares[1] if unit.shares else unit.credential.id
