"""Files that come as a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from adapters.admin.operation import Refusal

if TYPE_CHECKING:
    from adapters.admin.ask import Ask

MAX_FILES = 100
"""As the systems replaced had it."""


async def uploaded(ask: Ask) -> list[tuple[str, bytes]]:
    """Return the files of a form, by name. Errors: Refusal (400, 422)."""
    assert isinstance(ask.connection, Request)
    if not ask.connection.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refusal(422, "invalid", "Send the files as multipart/form-data.")
    try:
        async with ask.connection.form(max_files=MAX_FILES, max_fields=MAX_FILES) as form:
            files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            if not files:
                raise Refusal(422, "invalid", "There is no file in this form.", field="files")
            return [(_printable(each.filename or ""), await each.read()) for each in files]
    except HTTPException as exc:
        raise Refusal(400, "malformed", exc.detail) from exc


def _printable(name: str) -> str:
    return "".join(each if each.isprintable() else "_" for each in name)[-200:]
