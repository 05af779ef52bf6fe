"""The books of the ledger: what a project may use of a model in a window, what is spent, and when it will be dry."""

from fnmatch import fnmatchcase
from math import exp
from typing import Annotated

from msgspec import Meta, Struct, field

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
    """What is left of one quota. Units: epoch seconds; `dry_at` is None when it lasts until `resets_at`."""

    project: str
    model: str
    quota: QuotaName
    limit: int
    remaining: int
    resets_at: float
    dry_at: float | None


class Tally(Struct):
    """What was spent of one quota in its window: here (of which some is published already) and elsewhere.

    Shape: `key` names quota and window in the state store. Units: `rate` per second.
    """

    quota: QuotaName
    limit: int
    window: Window
    key: str = ""
    mine: int = 0
    published: int = 0
    others: int = 0
    seen: int = 0
    rate: float = 0.0

    @property
    def spent(self) -> int:
        """What all together have spent."""
        return self.mine + self.others

    @property
    def of_tokens(self) -> bool:
        """Whether tokens are counted and not requests."""
        return self.quota[0] == "t"


class Book(Struct):
    """The tallies of one project and model.

    Shape: `unit` is any of the units that share them; `held` says that those rest because something is spent;
        `turns_at` is when the first of the windows is over.
    Units: epoch seconds.
    """

    unit: Unit
    model: str
    tallies: list[Tally] = field(default_factory=list)
    held: bool = False
    turns_at: float = 0.0
    rated_at: float = 0.0

    def is_dry(self) -> bool:
        """Whether something is spent."""
        # PERF: asked for every request, so without a generator and a property.
        for tally in self.tallies:  # noqa: SIM110
            if tally.mine + tally.others >= tally.limit:
                return True
        return False

    def note_rates(self, now: float) -> None:
        """Look how much was spent since the last time, to tell how long the rest will last."""
        faded = exp((self.rated_at - now) / _LOOK_BACK)
        self.rated_at = now
        for tally in self.tallies:
            tally.rate = tally.rate * faded + max(tally.spent - tally.seen, 0) / _LOOK_BACK
            tally.seen = tally.spent

    def forecast(self, tally: Tally, now: float) -> Forecast:
        """Return what is left of one of the quotas, and when it is dry if all goes on as in the last minutes."""
        left, rate = max(tally.limit - tally.spent, 0), tally.rate * exp((self.rated_at - now) / _LOOK_BACK)
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


def window_of(quota: QuotaName, windows: Windows, now: float) -> Window:
    """Return the window that a quota is counted in now."""
    return windows.minute(now) if quota[2] == "m" else windows.day(now)


def project_of(unit: Unit) -> str:
    """Return what a project is called to an operator; a credential that names none is one by itself."""
    return unit.shares[1] if unit.shares else unit.credential.id
