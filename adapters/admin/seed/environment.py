"""`/auth/load-env-creds`, `/auth/env-creds`, `/auth/env-creds-status`: credentials that stand in the environment."""

from typing import Any

from adapters.admin.ask import Ask
from adapters.admin.operation import Operation
from adapters.admin.seed.names import SUFFIX, act

_PREFIX = "env-"
"""What the names of credentials begin with that were taken over from the environment."""


async def seed_load(ask: Ask) -> dict[str, Any]:
    """Take over the credentials of the environment; the same one twice is one."""
    found = ask.office.credentials.environment()
    files = [(f"{_PREFIX}{variable}{SUFFIX}", document) for variable, document in found.items()]
    upload = await ask.office.credentials.add(files)
    results = [
        {"filename": each.entry, "status": "error" if each.reason else "success", "message": each.reason or each.result}
        for each in upload.results
    ]
    kept = upload.added + upload.known
    return {"loaded_count": kept, "total_count": len(results), "results": results, "message": f"{kept} loaded"}


async def seed_remove(ask: Ask) -> dict[str, Any]:
    """Forget what was taken over from the environment."""
    removed = [name for name in await _taken_over(ask) if not (await act(ask, "delete", name)).error]
    return {"deleted_count": len(removed), "message": f"{len(removed)} removed"}


async def seed_show(ask: Ask) -> dict[str, Any]:
    """Say which variables hold credentials, and what was taken over."""
    files = [name + SUFFIX for name in await _taken_over(ask)]
    return {
        "available_env_vars": dict.fromkeys(ask.office.credentials.environment(), "***已设置***"),
        "auto_load_enabled": ask.office.credentials.loads_environment(),
        "existing_env_files_count": len(files),
        "existing_env_files": files,
    }


async def _taken_over(ask: Ask) -> list[str]:
    return [each.id for each in await ask.office.credentials.all() if each.id.startswith(_PREFIX) and each.removable]


OPERATIONS = (
    Operation(method="POST", path="/auth/load-env-creds", run=seed_load),
    Operation(method="DELETE", path="/auth/env-creds", run=seed_remove),
    Operation(method="GET", path="/auth/env-creds-status", run=seed_show),
)
