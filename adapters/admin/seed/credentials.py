"""`/creds/*` and `/auth/upload`."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from adapters.admin import shapes
from adapters.admin.archive import zipped
from adapters.admin.ask import Ask
from adapters.admin.operation import Download, Operation, Page, Refusal, not_found
from adapters.admin.seed.names import SUFFIX, act, file_name
from adapters.admin.uploads import uploaded

_Action = Literal["enable", "disable", "delete"]
_RESULTS = {"added": "success", "known": "success", "refused": "error"}


class Status(Struct):
    """Which page, for scripts of the later versions; without a limit all come as a table by file name."""

    offset: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=0, le=1000)] = 0
    status_filter: Literal["all", "enabled", "disabled"] = "all"


class Act(Struct):
    """One action for one file."""

    filename: str
    action: str


class ActOnMany(Struct):
    """One action for many files."""

    filenames: Annotated[list[str], Meta(max_length=1000)]
    action: str


async def seed_status(ask: Ask) -> dict[str, Any]:
    """Return credentials by file name, with their state and what they hold that is no secret."""
    found = await ask.office.credentials.all()
    if not ask.query.limit:
        return {"creds": {file_name(each): _entry(each) for each in found}}
    if ask.query.status_filter != "all":
        found = [each for each in found if _is_out(each) == (ask.query.status_filter == "disabled")]
    start, end = ask.query.offset, ask.query.offset + ask.query.limit
    items = [_item(each) for each in found[start:end]]
    return {
        "items": items,
        "total": len(found),
        "offset": start,
        "limit": ask.query.limit,
        "has_more": end < len(found),
    }


async def seed_action(ask: Ask) -> dict[str, Any]:
    """Enable, disable or delete a credential."""
    done = await act(ask, _action(ask.body.action), ask.body.filename)
    if done.error:
        raise Refusal(400, "failed", done.error)
    return {"message": f"{ask.body.action}: {ask.body.filename}"}


async def seed_batch_action(ask: Ask) -> dict[str, Any]:
    """Enable, disable or delete many credentials."""
    action, errors = _action(ask.body.action), []
    for name in ask.body.filenames:
        try:
            done = await act(ask, action, name)
        except Refusal as exc:
            errors.append(f"{name}: {exc.message}")
            continue
        if done.error:
            errors.append(f"{name}: {done.error}")
    total = len(ask.body.filenames)
    succeeded = total - len(errors)
    message = f"{ask.body.action}: {succeeded} of {total}"
    return {"success_count": succeeded, "total_count": total, "errors": errors, "message": message}


async def seed_download(ask: Ask) -> Download:
    """Return one credential, with its secrets."""
    name = ask.path["name"]
    documents = await ask.office.credentials.documents([name, name.removesuffix(SUFFIX)])
    for file, document in documents.items():
        return Download(file, "application/json", document)
    raise not_found("credential", name)


async def seed_download_all(ask: Ask) -> Download:
    """Return all credentials, with their secrets, as a ZIP archive."""
    return Download("credentials.zip", "application/zip", zipped(await ask.office.credentials.documents()))


async def seed_fetch_email(ask: Ask) -> dict[str, Any]:
    """Ask Google for the e-mail address of a credential's account."""
    done = await act(ask, "email", ask.path["name"])
    if done.error:
        raise Refusal(400, "failed", done.error)
    return {"filename": ask.path["name"], "user_email": done.email, "message": "e-mail address saved"}


async def seed_refresh_all_emails(ask: Ask) -> dict[str, Any]:
    """Ask Google for every e-mail address."""
    results = []
    for each in await ask.office.credentials.all():
        if each.kind in {"code_assist", "vertex"} and each.email != each.source:
            done = await act(ask, "email", each.id)
            results.append(
                {
                    "filename": file_name(each),
                    "success": not done.error,
                    "user_email": done.email or None,
                    "error": done.error or None,
                }
            )
    return {
        "success_count": sum(each["success"] for each in results),
        "total_count": len(results),
        "results": results,
        "message": "e-mail addresses refreshed",
    }


async def seed_upload(ask: Ask) -> Page:
    """Keep credentials from files, ZIP archives included."""
    upload = await ask.office.credentials.add(await uploaded(ask))
    results = [
        {"filename": each.entry, "status": _RESULTS[each.result], "message": each.reason or each.result}
        for each in upload.results
    ]
    kept = upload.added + upload.known
    document = {
        "uploaded_count": kept,
        "total_count": len(results),
        "results": results,
        "message": f"{kept} of {len(results)} credentials kept",
    }
    return Page(document, 200 if kept else 400)


def _action(action: str) -> _Action:
    try:
        known: _Action = msgspec.convert(action, _Action)
        return known
    except msgspec.ValidationError as exc:
        raise Refusal(400, "invalid", f"The action is enable, disable or delete, not {action!r}.") from exc


def _entry(each: shapes.Credential) -> dict[str, Any]:
    content = {"type": each.kind, "project_id": next(iter(each.projects), ""), "projects": each.projects}
    return {
        "status": {
            "disabled": _is_out(each),
            "error_codes": each.error_codes,
            "last_success": each.last_success or None,
            "user_email": each.email or None,
            "cooldown_until": each.cooling_until or None,
            "reason": each.reason,
        },
        "content": content,
        "filename": file_name(each),
        "user_email": each.email or None,
        "backend_type": each.source or "environment",
    }


def _item(each: shapes.Credential) -> dict[str, Any]:
    success = datetime.fromtimestamp(each.last_success, UTC).isoformat() if each.last_success else None
    return {
        "filename": file_name(each),
        "user_email": each.email or None,
        "disabled": _is_out(each),
        "error_codes": each.error_codes,
        "last_success": success,
        "tier": each.tier or None,
        "model_cooldowns": {rest.model: rest.until for unit in each.units for rest in unit.rests},
    }


def _is_out(each: shapes.Credential) -> bool:
    return each.state in {"disabled", "quarantined"}


OPERATIONS = (
    Operation(method="GET", path="/creds/status", run=seed_status, query=Status),
    Operation(method="POST", path="/creds/action", run=seed_action, body=Act),
    Operation(method="POST", path="/creds/batch-action", run=seed_batch_action, body=ActOnMany),
    Operation(method="GET", path="/creds/download/{name}", run=seed_download),
    Operation(method="GET", path="/creds/download-all", run=seed_download_all),
    Operation(method="POST", path="/creds/fetch-email/{name}", run=seed_fetch_email),
    Operation(method="POST", path="/creds/refresh-all-emails", run=seed_refresh_all_emails),
    Operation(method="POST", path="/creds/upload", run=seed_upload, body=bytes),
    Operation(method="POST", path="/auth/upload", run=seed_upload, body=bytes),
)
