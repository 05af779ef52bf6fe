"""The office of a house: what the admin API works with, over everything that was wired up."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, get_args

from msgspec.structs import asdict

from adapters.admin import shapes
from adapters.admin.adoption import Adoption
from adapters.admin.app import application
from adapters.admin.logins import Logins
from adapters.admin.office import Office
from adapters.cloud_projects import CloudProjects
from adapters.traffic import HOUR, STEP
from pipeline.keys import KeyBook
from pipeline.stages.quota import Quota
from pollux import __version__
from pollux.config_desk import ConfigDesk
from pollux.credential_desk import CredentialDesk
from pollux.oauth_clients import known_clients

if TYPE_CHECKING:
    from adapters.asgi import Admin
    from adapters.oauth import OAuthClient
    from adapters.traffic import Stretch
    from pipeline.books import Forecast
    from pipeline.exchange import Chunk
    from pollux.wiring import House


class HouseOffice(Office):
    """The office of one worker's house."""

    def __init__(self, house: House) -> None:
        self.version = __version__
        self.state = house.state
        self.clock = house.clock
        self.windows = house.windows
        self.pool = house.pool
        self.keys = KeyBook(house.state, house.clock, house.keys.following.changed)
        self.callers = house.keys
        self.costs = house.quotas.costs
        self.usage = house.usage
        self.logs = house.log_tail
        self.traces = house.traces
        self.jobs = house.jobs
        self.credentials = CredentialDesk(house)
        self.config = ConfigDesk(house)
        cloud = CloudProjects(house.egress, house.endpoints)
        adoption = Adoption(house.credentials, house.pool, house.projects, cloud, house.tokens.token)
        self.logins = Logins(house.state, house.clock, house.egress, house.endpoints, self._clients, adoption)
        self._house = house
        self._count_lockout = house.meter.child("pollux_admin_lockouts_total")

    def admits(self, password: str) -> bool:
        return hmac.compare_digest(_digest(password), self._password())

    def mark(self, token: str) -> str:
        return hmac.new(token.encode(), self._password(), hashlib.sha256).hexdigest()

    def locked_out(self) -> None:
        self._count_lockout(1)

    def turned_away(self, reason: str) -> None:
        self._house.meter.child("pollux_auth_failures_total", "admin", reason)(1)

    def draining(self) -> bool:
        return self._house.app.draining

    async def settle_keys(self) -> None:
        await self._house.keys.load()

    async def overview(self) -> shapes.Overview:
        house, hour = self._house, await self._house.traffic.hour()
        requests, errors = sum(each.requests for each in hour), sum(each.errors for each in hour)
        spans = min(HOUR, max(self.clock.now() - _first(hour), STEP))
        return shapes.Overview(
            status=house.status(),
            store=house.store,
            store_name=house.store_name,
            version=__version__,
            started_at=house.traffic.since,
            now=self.clock.now(),
            worker=house.index,
            workers=house.loaded.settings.server.workers,
            active=len(house.app.exchanges()),
            requests=requests,
            errors=errors,
            requests_per_minute=round(60 * requests / spans, 2),
            error_share=round(errors / requests, 4) if requests else 0.0,
            tokens=_added(hour),
            credentials=_by_state(house.pool.states()),
            recent_errors=[shapes.RecentError(**asdict(each)) for each in reversed(house.traffic.failures)],
            forecast=[_forecast(each) for each in house.pool.forecast()],
        )

    async def series(self) -> shapes.Series:
        hour = await self._house.traffic.hour()
        return shapes.Series(STEP, [_bucket(each) for each in hour])

    async def models(self) -> list[shapes.Model]:
        return [_model(each) for each in await self._house.catalogue.models()]

    def cost_table(self) -> tuple[dict[str, int], int]:
        stages = self._house.loaded.pipelines.values()
        quota = next((each for stages_ in stages for each in stages_ if isinstance(each, Quota)), Quota())
        return quota.costs, quota.default_cost

    async def _clients(self) -> list[OAuthClient]:
        return await known_clients(self._house.loaded.settings.oauth, self.pool.credentials(), self._house.environ)

    def _password(self) -> bytes:
        return _digest(self._house.loaded.settings.auth.panel_password)


def opener(house: House) -> Callable[[], Admin]:
    """Return what makes the admin application; to be called where the house runs."""
    return lambda: application(HouseOffice(house))


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _first(hour: list[Stretch]) -> float:
    return next((each.at for each in hour if each.requests), hour[-1].at)


def _added(hour: list[Stretch]) -> dict[str, int]:
    added: Counter[str] = Counter()
    for stretch in hour:
        added.update(stretch.tokens)
    return dict(added)


def _by_state(states: Mapping[tuple[str, str], int]) -> dict[shapes.Condition, int]:
    counts: Counter[str] = Counter()
    for (_, state), count in states.items():
        counts[state] += count
    return {state: counts[state] for state in get_args(shapes.Condition) if counts[state]}


def _bucket(each: Stretch) -> shapes.Bucket:
    percentiles = (each.ttft.get(50), each.ttft.get(90), each.ttft.get(99))
    return shapes.Bucket(each.at, each.requests, each.errors, *percentiles, each.tokens, each.stream_ends)


def _forecast(each: Forecast) -> shapes.Forecast:
    return shapes.Forecast(
        project=each.project,
        model=each.model,
        quota=each.quota,
        limit=each.limit,
        used=each.limit - each.remaining,
        left=each.remaining,
        dry_at=each.dry_at or 0.0,
        reset_at=each.resets_at,
    )


def _model(listed: Chunk) -> shapes.Model:
    name = str(listed.get("name", "")).removeprefix("models/")
    return shapes.Model(
        name,
        str(listed.get("displayName", name)),
        int(listed.get("inputTokenLimit", 0)),
        int(listed.get("outputTokenLimit", 0)),
        list(listed.get("supportedGenerationMethods", ())),
    )
