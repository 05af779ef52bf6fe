"""The jobs of a house: keep the host awake, look after credentials, forget what nobody needs any more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct

from adapters.log_writer import rotated_files
from pipeline.errors import Broken, StoreError
from pipeline.units import Ban
from pollux.jobs import Job

if TYPE_CHECKING:
    from pipeline.ports import Credential
    from pollux.settings import Jobs as Settings
    from pollux.wiring import House

log = structlog.get_logger("pollux.chores")

HEALTH = "health"
"""The kind of documents that say what Google said to each credential last."""

_HOUR, _DAY = 3600.0, 86_400.0
_AT_ONCE = 4
"""Credentials that are tried at the same time."""


class Health(Struct, frozen=True):
    """What Google said to a credential. Shape: `error` is empty where it is good. Units: `at` in epoch seconds."""

    at: float
    error: str = ""


def chores(house: House) -> list[Job]:
    """Return the jobs of a house, by its settings as they are at any time."""

    def settings() -> Settings:
        return house.loaded.settings.jobs

    async def keep_awake() -> str:
        return await _keep_awake(house, settings().keep_alive_url)

    return [
        Job(
            "keep-alive",
            "Ask for a URL, so that a host which sends idle programs to sleep does not.",
            lambda: settings().keep_alive_interval,
            lambda: bool(settings().keep_alive_url),
            keep_awake,
        ),
        Job(
            "credential-health",
            "Have Google count a few tokens with each credential, which costs no quota.",
            lambda: _HOUR,
            lambda: settings().credential_health,
            lambda: _check(house),
        ),
        Job(
            "credential-clean-up",
            "Remove credentials that Google shut out long ago; never the last one.",
            lambda: _DAY,
            lambda: settings().credential_clean_up,
            lambda: _clean_up(house, settings().dead_after),
        ),
        Job(
            "prune",
            "Forget usage of days long gone, signatures nobody comes back for, and old log files.",
            lambda: _DAY,
            lambda: settings().prune,
            lambda: _prune(house, settings().keep_logs),
        ),
    ]


async def _keep_awake(house: House, url: str) -> str:
    """Errors: Broken."""
    if not url:
        return "no URL is set: jobs.keep_alive_url"
    fetched = await house.egress.fetch("GET", url)
    if fetched.status >= 400:
        raise Broken(f"it answered {fetched.status}")
    return f"it answered {fetched.status}"


async def _check(house: House) -> str:
    """Ask Google about every credential that no person has switched off; nothing follows for scheduling."""
    from pollux.verify import check

    off = {unit.credential for unit in house.pool.snapshot() if unit.state == "disabled"}
    credentials = [each for each in house.pool.credentials() if each.id not in off]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def health_of(credential: Credential) -> Health:
        async with turns:
            return Health(house.ports.clock.now(), await check(house, credential))

    found = await asyncio.gather(*map(health_of, credentials))
    for known in (await house.state.load(HEALTH)).keys() - {each.id for each in credentials}:
        house.state.put(HEALTH, known, None)
    for credential, health in zip(credentials, found, strict=True):
        house.state.put(HEALTH, credential.id, msgspec.to_builtins(health))
    bad = [f"{each.id}: {health.error}" for each, health in zip(credentials, found, strict=True) if health.error]
    return "; ".join([f"{len(credentials) - len(bad)} of {len(credentials)} are good", *bad])


async def _clean_up(house: House, days: int) -> str:
    """Remove what Google shut out that long ago and did not let in when it was asked since."""
    bans = msgspec.convert(await house.state.load("disabled"), dict[str, Ban])
    health = msgspec.convert(await house.state.load(HEALTH), dict[str, Health])
    out = {unit.credential for unit in house.pool.snapshot() if unit.state == "quarantined"}
    left = {each.id for each in house.pool.credentials()}
    removed: list[str] = []
    for name, ban in sorted(bans.items(), key=lambda each: each[1].at):
        dead = name in out and ban.by == "upstream" and ban.at < house.ports.clock.now() - days * _DAY
        lives = name in health and health[name].at > ban.at and not health[name].error
        if dead and not lives and len(left) > 1 and await _remove(house, name):
            left.discard(name)
            removed.append(name)
    return f"removed {', '.join(removed)}" if removed else "nothing to remove"


async def _remove(house: House, name: str) -> bool:
    try:
        if not await house.credentials.remove(name):
            return False
    except StoreError as exc:  # the environment's are not ours to remove
        log.info("dead credential stays", credential=name, reason=exc.message)
        return False
    for kind in ("disabled", HEALTH):
        house.state.put(kind, name, None)
    return True


async def _prune(house: House, days: int) -> str:
    signatures = await house.vault.prune()
    await house.usage.prune()
    oldest = house.ports.clock.now() - days * _DAY
    file = house.loaded.settings.logging.file
    files = [each for each in rotated_files(Path(file)) if each.stat().st_mtime < oldest] if file else []
    for each in files:
        each.unlink(missing_ok=True)
    return f"forgot {signatures} signatures and {len(files)} log files"
