"""What the admin API expects of the house behind it; `pollux.office` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from adapters.admin import shapes
    from adapters.admin.logins import Logins
    from adapters.log_tail import LogTail
    from pipeline.costs import Costs
    from pipeline.keys import KeyBook
    from pipeline.leases import LeasePool
    from pipeline.ports import Clock, Keys, StateStore
    from pipeline.trace import Traces
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

    def environment(self) -> dict[str, bytes]:
        """Return the credentials that stand in the environment, by variable."""

    def loads_environment(self) -> bool:
        """Whether those of the environment are taken at every start."""


class ConfigDesk(Protocol):
    """Shows and changes the configuration."""

    async def show(self) -> shapes.Configuration:
        """Return all settings as they are."""

    async def check(self, changes: Mapping[str, Any]) -> shapes.Checked:
        """Say what a configuration with these changes would be; nothing is saved."""

    async def save(self, changes: Mapping[str, Any]) -> shapes.Saved:
        """Save changes where nothing is wrong with them, and have them applied."""

    def pipelines(self) -> shapes.Pipelines:
        """Return the pipelines and routes as they are built."""


class JobDesk(Protocol):
    """Shows and runs what is done from time to time; what it returns has the fields of `shapes.Job`."""

    async def list(self) -> Sequence[object]:
        """Return all jobs. Errors: StoreError."""

    async def run(self, name: str) -> object:
        """Run a job now. Errors: KeyError when there is none so named; StoreError."""

    async def switch(self, name: str, on: bool) -> object:
        """Switch a job on or off, everywhere. Errors: as `run`."""


class Office(Protocol):
    """Everything the admin API works with."""

    version: str
    state: StateStore
    clock: Clock
    windows: Windows
    pool: LeasePool
    keys: KeyBook
    callers: Keys
    costs: Costs
    usage: UsageBook
    logins: Logins
    credentials: CredentialDesk
    config: ConfigDesk
    jobs: JobDesk
    logs: LogTail
    traces: Traces

    def admits(self, password: str) -> bool:
        """Whether this is the panel password; takes the same time for every wrong one."""

    def mark(self, token: str) -> str:
        """Return what binds a token to the present panel password."""

    def locked_out(self) -> None:
        """Count one lockout."""

    def turned_away(self, reason: str) -> None:
        """Count one caller without the right to be here: wrong password or locked_out."""

    def draining(self) -> bool:
        """Whether the house is about to close."""

    async def settle_keys(self) -> None:
        """Return once the keys that were changed hold here. Errors: StoreError."""

    async def overview(self) -> shapes.Overview:
        """Return how the house is doing. Errors: StoreError."""

    async def series(self) -> shapes.Series:
        """Return the last hour, for charts. Errors: StoreError."""

    async def models(self) -> list[shapes.Model]:
        """Return the models that are really served."""

    def cost_table(self) -> tuple[dict[str, int], int]:
        """Return the costs that proxy.toml says, and that of models it does not name."""
