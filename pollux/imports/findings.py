"""What the layouts' readers report, gathered into one plan: joined, and each thing once."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from pipeline.units import AUTO
from pollux.imports.plan import (
    Condition,
    CostItem,
    CredentialItem,
    Fidelity,
    ImportPlan,
    KeyItem,
    LeftItem,
    RowItem,
    SettingItem,
    masked,
)
from pollux.imports.settings import fitted
from stores.forms import identity, scan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ports import Credential
    from pollux.spans import KeyPath


class Known(Struct, kw_only=True):
    """What a source knows of a credential beside the credential itself. Units: `rests` in epoch seconds by model."""

    disabled: str = ""
    rests: dict[str, float] = field(default_factory=dict)
    email: str = ""
    tier: str = ""
    faults: str = ""
    usage: dict[str, int] = field(default_factory=dict)


class Findings:
    """Takes what readers find. Shape: `now` in epoch seconds: rests that are over are not taken."""

    def __init__(self, source: str, now: float) -> None:
        self.plan = ImportPlan(source=source)
        self.waiting: list[Path] = []
        self._now = now
        self._of_files: dict[str, Known] = {}
        self._projects: dict[str, str] = {}

    def document(
        self,
        document: object,
        name: str,
        origin: str,
        known: Known | None = None,
        *,
        fidelity: Fidelity = "exact",
        why: str = "",
    ) -> None:
        """Take a credential as a document of any known form; a key has no name. What is none stays behind, with why."""
        self.documents(msgspec.json.encode(document), name, origin, known, fidelity=fidelity, why=why)

    def documents(
        self,
        data: bytes,
        name: str,
        origin: str,
        known: Known | None = None,
        *,
        fidelity: Fidelity = "exact",
        why: str = "",
    ) -> None:
        """Take all credentials in these bytes."""
        reading = scan(data, name)
        for credential in reading.credentials:
            self._credential(credential, origin, known or Known(), fidelity, why)
        for problem in reading.problems:
            self.left(problem.entry if name else origin, origin, problem.reason)

    def api_key(self, key: str, origin: str, known: Known | None = None, *, vertex: bool = False) -> None:
        """Take a Gemini API key, or one for Vertex."""
        document = {"api_key": key.strip()} | ({"upstream": "vertex"} if vertex else {})
        self.document(document, "", origin, known)

    def client_key(self, item: KeyItem) -> None:
        """Take a client's key; the same one twice is one."""
        if all(each.secret != item.secret for each in self.plan.keys):
            self.plan.keys.append(item)

    def plain_client_keys(self, secrets: Any, origin: str) -> None:
        """Take keys of which nothing else is known."""
        for secret in secrets if isinstance(secrets, list) else []:
            if isinstance(secret, str) and secret:
                self.client_key(KeyItem(name=masked(secret), origin=origin, secret=secret))

    def setting(self, path: KeyPath, value: Any, name: str, origin: str, *, why: str = "") -> None:
        """Take a setting, where it fits; the first source of one counts. Shape: `why` says what is lost."""
        if any(each.path == path for each in self.plan.settings):
            return
        try:
            value = fitted(path, value)
        except ValueError as exc:
            self.left(name, origin, str(exc))
            return
        fidelity: Fidelity = "approximate" if why else "exact"
        self.plan.settings.append(
            SettingItem(name=name, origin=origin, path=path, value=value, fidelity=fidelity, why=why)
        )

    def row(self, table: Literal["limit", "model"], values: dict[str, Any], name: str, origin: str) -> None:
        """Take a row of a list of settings."""
        self.plan.rows.append(RowItem(name=name, origin=origin, table=table, values=values))

    def alias(self, alias: str, model: str, origin: str) -> None:
        """Take another name for a model."""
        path = ("stages", "model-suffix", "aliases")
        for item in self.plan.settings:
            if item.path == path:
                item.value.setdefault(alias, model)
                return
        self.setting(path, {alias: model}, "model aliases", origin)

    def costs(self, costs: Mapping[str, Any], origin: str) -> None:
        """Take what models cost."""
        for model, cost in costs.items():
            if isinstance(cost, int) and all(each.name != model for each in self.plan.costs):
                self.plan.costs.append(CostItem(name=model, origin=origin, cost=cost))

    def left(self, name: str, origin: str, why: str) -> None:
        """Report what stays behind."""
        self.plan.left.append(LeftItem(name=name, origin=origin, why=why))

    def known(self, file: str, known: Known) -> None:
        """Report what is known of the credential in the file of that name, wherever that lies."""
        self._of_files[PurePosixPath(file).name] = known

    def discovered(self, account: str, project: str) -> None:
        """Report a project found earlier, by boltrunner's hash of an OAuth client and refresh token."""
        self._projects[account] = project

    def also(self, path: Path) -> None:
        """Ask for another file or directory to be read."""
        self.waiting.append(path)

    def complete(self) -> ImportPlan:
        """Join what was found apart. Each account is one credential, with all its projects."""
        unique: dict[tuple[str, ...], CredentialItem] = {}
        for item in self.plan.credentials:
            self._join(item)
            first = unique.setdefault(identity(item.credential), item)
            if first is not item:
                _merge(first, item)
                self.plan.merged += 1
        self.plan.credentials = list(unique.values())
        return self.plan

    def _credential(self, credential: Credential, origin: str, known: Known, fidelity: Fidelity, why: str) -> None:
        credential.source = origin
        item = CredentialItem(name=credential.id, origin=origin, credential=credential, fidelity=fidelity, why=why)
        self._note(item, known)
        self.plan.credentials.append(item)

    def _note(self, item: CredentialItem, known: Known) -> None:
        credential = item.credential
        credential.email = credential.email or known.email
        item.tier, item.faults = item.tier or known.tier, item.faults or known.faults
        item.usage = item.usage or known.usage
        rests = {model: until for model, until in known.rests.items() if until > self._now}
        if known.disabled or rests:
            project = credential.projects[0] if credential.projects else ""
            item.conditions.setdefault(project, Condition()).merge(Condition(known.disabled, rests))

    def _join(self, item: CredentialItem) -> None:
        known = self._of_files.get(PurePosixPath(item.origin).name)
        if known is not None:
            self._note(item, known)
        credential = item.credential
        account = f"gemini-cli-oauth:{credential.client_id}:{credential.refresh_token}"
        project = self._projects.get(sha256(account.encode()).hexdigest())
        if project and credential.projects == [AUTO]:
            credential.projects = [project]


def _merge(first: CredentialItem, second: CredentialItem) -> None:
    kept, other = first.credential, second.credential
    if kept.projects != other.projects:
        # A proxy that made one file for each project: all of them are units of one account.
        asked = any(AUTO in each and len(each) > 1 for each in (kept.projects, other.projects))
        both = dict.fromkeys([*kept.projects, *other.projects])
        kept.projects = [each for each in both if each != AUTO or asked]
    for field_name in ("client_id", "client_secret", "email", "token_uri", "location"):
        setattr(kept, field_name, getattr(kept, field_name) or getattr(other, field_name))
    for project, condition in second.conditions.items():
        first.conditions.setdefault(project, Condition()).merge(condition)
    first.tier, first.faults = first.tier or second.tier, first.faults or second.faults
