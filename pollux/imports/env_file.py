"""An environment file: settings by the names they keep, and credentials in GCLI_CREDS_* and GOOGLE_CREDENTIALS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pollux import environment
from pollux.imports.settings import OURS, take_variables

if TYPE_CHECKING:
    from pollux.imports.content import Content
    from pollux.imports.findings import Findings


def recognises(content: Content) -> bool:
    """Whether any of its variables is one of ours."""
    names = content.table("env")
    return bool(OURS & names.keys()) or bool(environment.credentials(names, load_all=True))


def read(content: Content, findings: Findings) -> None:
    """Take credentials and settings."""
    values = content.table("env")
    found = dict(environment.credentials(values, load_all=True))
    for variable, document in found.items():
        findings.documents(document.encode(), variable, content.name)
    take_variables({name: value for name, value in values.items() if name not in found}, content.name, findings)
