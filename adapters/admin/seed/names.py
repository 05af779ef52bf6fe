"""The systems replaced know credentials by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.admin.operation import not_found

if TYPE_CHECKING:
    from adapters.admin import shapes
    from adapters.admin.ask import Ask
    from adapters.admin.shapes import Action, Done

SUFFIX = ".json"


def file_name(credential: shapes.Credential) -> str:
    """Return the file name by which a script knows a credential."""
    return credential.id + SUFFIX


async def act(ask: Ask, action: Action, name: str) -> Done:
    """Do something to the credential of that file name, or of that id. Errors: Refusal (404), StoreError."""
    for each in dict.fromkeys((name, name.removesuffix(SUFFIX))):
        done = await ask.office.credentials.act(action, each)
        if done is not None:
            return done
    raise not_found("credential", name)
