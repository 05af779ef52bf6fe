"""What the admin API expects of the house behind it; `pollux.office` implements it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from adapters.admin import shapes
    from adapters.admin.logins import Logins
    from pipeline.costs import Costs
    from pipeline.keys import KeyBook
    from pipeline.leases import LeasePool
    from pipeline.ports import Clock, StateStore
    from pipeline.usage import UsageBook
    from pipeline.windows import Windows


class CredentialDesk(Protocol):
    """Looks after credentials; what it shows is free of secrets unless it says otherwise."""

    async def all(self) -> list[shapes.Credential]:
        """Return all credentials. Errors: StoreError."""

    async def add(self, files: Iterable[tuple[str, bytes]]) -> shapes.Upload:
        """Keep what is in these files (name, content), archives included. Errors: StoreError."""

    async def act(self, action: shapes.Action, name: str, reason: str = "") -> shapes.Done | None:
        """Do something to one credential; None when there is none so named. Errors: StoreError."""

    async def documents(self, names: Sequence[str] = ()) -> dict[str, bytes]:
        """Return credentials with their secrets as JSON documents, by file name; all where none is named."""


class ConfigDesk(Protocol):
    """Shows and changes the configuration."""

    def show(self) -> shapes.Configuration:
        """Return all settings as they are."""

    def check(self, changes: Mapping[str, Any]) -> shapes.Checked:
        """Say what a configuration with these changes would be; nothing is saved."""

    async def save(self, changes: Mapping[str, Any]) -> shapes.Saved:
        """Save changes where nothing is wrong with them, and have them applied."""

    def pipelines(self) -> shapes.Pipelines:
        """Return the pipelines and routes as they are built."""


class JobDesk(Protocol):
    """Shows and runs what is done from time to time."""

    async def all(self) -> list[shapes.Job]:
        """Return all jobs."""

    async def run(self, name: str) -> shapes.Job | None:
        """Run a job now; None when there is none so named."""

    async def switch(self, name: str, on: bool) -> shapes.Job | None:
        """Switch a job on or off; None when there is none so named."""


class LogDesk(Protocol):
    """Shows the log."""

    async def tail(self, lines: int, level: shapes.Level, text: str) -> shapes.LogLines:
        """Return the latest lines of at least that level that hold that text."""

    def follow(self, level: shapes.Level, text: str) -> AsyncGenerator[str, None]:
        """Yield lines as they are written."""

    def download(self) -> AsyncIterator[bytes]:
        """Yield the whole log."""

    async def clear(self) -> None:
        """Empty the log."""


class TraceDesk(Protocol):
    """Shows what single requests went through."""

    def latest(self, limit: int) -> list[shapes.Trace]:
        """Return the latest watched requests, the latest first."""

    def watch(self, seconds: float) -> None:
        """Watch every request for so long; 0 ends it."""


class Office(Protocol):
    """Everything the admin API works with."""

    state: StateStore
    clock: Clock
    windows: Windows
    pool: LeasePool
    keys: KeyBook
    costs: Costs
    usage: UsageBook
    logins: Logins
    credentials: CredentialDesk
    config: ConfigDesk
    jobs: JobDesk
    logs: LogDesk
    traces: TraceDesk

    def admits(self, password: str) -> bool:
        """Whether this is the panel password; takes the same time for every wrong one."""

    def mark(self, token: str) -> str:
        """Return what binds a token to the present panel password."""

    def locked_out(self) -> None:
        """Count one lockout."""

    def port(self) -> int:
        """Return the port that a browser on this machine reaches the house by."""

    async def overview(self) -> shapes.Overview:
        """Return how the house is doing. Errors: StoreError."""

    async def series(self) -> shapes.Series:
        """Return the last hour, for charts. Errors: StoreError."""

    async def models(self) -> list[shapes.Model]:
        """Return the models that are really served."""

    def cost_table(self) -> tuple[dict[str, int], int]:
        """Return the costs that proxy.toml says, and that of models it does not name."""
