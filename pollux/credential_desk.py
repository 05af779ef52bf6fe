"""Looks after the credentials of a house, for the admin API."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from adapters.admin import shapes
from adapters.admin.usage_view import usage_view
from adapters.consent import email_of
from adapters.traffic import Standing
from pipeline.errors import StoreError, UpstreamError
from pollux import environment
from pollux.verify import check
from stores.forms import Reading, scan, to_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ports import Credential
    from pipeline.unit_state import UnitState
    from pipeline.usage import Usage
    from pollux.wiring import House

_BEST_FIRST = ("ready", "cooling", "refreshing", "exhausted", "disabled", "quarantined")


class CredentialDesk:
    """Implements `adapters.admin.office.CredentialDesk`; every change holds for the next request."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def all(self) -> list[shapes.Credential]:
        today, total = await self._house.usage.today("credential"), await self._house.usage.read("credential")
        units: dict[str, list[UnitState]] = {}
        for unit in self._house.pool.snapshot():
            units.setdefault(unit.credential, []).append(unit)
        return [self._shown(each, units.get(each.id, []), today, total) for each in self._house.pool.credentials()]

    async def add(self, files: Iterable[tuple[str, bytes]]) -> shapes.Upload:
        results = []
        for name, content in files:
            reading = await asyncio.to_thread(scan, content, name)  # an archive takes its time
            results += await self._kept(reading)
        await self._house.pool.reload()
        found = Counter(each.result for each in results)
        return shapes.Upload(found["added"], found["known"], found["refused"], results)

    async def act(self, action: shapes.Action, name: str, reason: str = "") -> shapes.Done | None:
        if action == "enable":
            return shapes.Done(name) if self._house.pool.enable(name) else None
        if action == "disable":
            return shapes.Done(name) if self._house.pool.disable(name, reason or "disabled by the operator") else None
        credential = next((each for each in self._house.pool.credentials() if each.id == name), None)
        if credential is None:
            return None
        if action == "delete":
            return await self._removed(name)
        if action == "verify":
            return shapes.Done(name, await check(self._house, credential))
        return await self._with_email(credential)

    async def documents(self, names: Sequence[str] = ()) -> dict[str, bytes]:
        chosen = [each for each in await self._house.credentials.load() if not names or each.id in names]
        return {f"{each.id}.json": _document(each) for each in chosen}

    def environment(self) -> dict[str, bytes]:
        return {name: text.encode() for name, text in environment.credentials(self._house.environ, True)}

    def loads_environment(self) -> bool:
        return self._house.loaded.settings.storage.load_env_credentials

    async def _kept(self, reading: Reading) -> list[shapes.Added]:
        known = {each.id for each in await self._house.credentials.load()}
        results = [shapes.Added(each.entry, "refused", reason=each.reason) for each in reading.problems]
        for credential in reading.credentials:
            entry, kind = credential.source or credential.id, credential.kind
            try:
                name = await self._house.credentials.add(credential)
            except StoreError as exc:
                results.append(shapes.Added(entry, "refused", kind=kind, reason=exc.message))
                continue
            results.append(shapes.Added(entry, "known" if name in known else "added", name, kind))
            known.add(name)
        return results

    async def _removed(self, name: str) -> shapes.Done:
        try:
            await self._house.credentials.remove(name)
        except StoreError as exc:
            return shapes.Done(name, exc.message)
        await self._house.pool.reload()
        return shapes.Done(name)

    async def _with_email(self, credential: Credential) -> shapes.Done:
        if not credential.refresh_token:
            return shapes.Done(credential.id, "Only an account that was logged in has an e-mail address to ask for.")
        try:
            token = await self._house.tokens.token(credential)
            email = await email_of(self._house.egress, token, self._house.endpoints)
        except UpstreamError as exc:
            return shapes.Done(credential.id, exc.message)
        if not email:
            return shapes.Done(credential.id, "Google did not say the e-mail address.")
        credential.email = email
        await self._house.pool.refreshed(credential)
        return shapes.Done(credential.id, email=email)

    def _shown(
        self, each: Credential, units: list[UnitState], today: Mapping[str, Usage], total: Mapping[str, Usage]
    ) -> shapes.Credential:
        best = min(units, key=lambda unit: _BEST_FIRST.index(unit.state))
        standing = self._house.traffic.standings.get(each.id, Standing())
        rests = [rest.until for unit in units for rest in unit.rests.values()]
        tier = each.extra.get("tier")
        return shapes.Credential(
            id=each.id,
            kind=each.kind,
            state=best.state,
            reason=best.reason,
            email=each.email,
            tier=tier if isinstance(tier, str) else "",
            projects=list(each.projects),
            source=each.source,
            removable=each.source not in self._house.environ,
            cooling_until=min(rests, default=0.0),
            error_codes=list(standing.error_codes),
            last_success=standing.last_success,
            units=[_unit(unit) for unit in units],
            today=usage_view(today.get(each.id)),
            total=usage_view(total.get(each.id)),
        )


def _unit(unit: UnitState) -> shapes.Unit:
    rests = [shapes.Rest(model, rest.until, rest.why, rest.reason) for model, rest in unit.rests.items()]
    return shapes.Unit(unit.id, unit.project, unit.state, unit.reason, rests, unit.active, unit.calls, unit.failures)


def _document(credential: Credential) -> bytes:
    return msgspec.json.format(msgspec.json.encode(to_document(credential)), indent=2) + b"\n"
