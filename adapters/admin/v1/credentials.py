"""Resource `credentials`: add, verify, enable, disable, remove, download."""

from msgspec import Struct

from adapters.admin.archive import zipped
from adapters.admin.ask import Ask
from adapters.admin.operation import Download, Operation, not_found
from adapters.admin.shapes import (
    Action,
    Batch,
    BatchDone,
    Credential,
    Credentials,
    Done,
    NewCredentials,
    Reason,
    Upload,
)
from adapters.admin.uploads import uploaded


async def list_credentials(ask: Ask) -> Credentials:
    """List all credentials with how they are doing; never their secrets."""
    return Credentials(await ask.office.credentials.all())


async def show_credential(ask: Ask) -> Credential:
    """Return one credential."""
    name = ask.path["id"]
    found = next((each for each in await ask.office.credentials.all() if each.id == name), None)
    if found is None:
        raise not_found("credential", name)
    return found


async def add_credentials(ask: Ask) -> Upload:
    """Keep new credentials from text: JSON, API keys one per line, base64 of either."""
    return await ask.office.credentials.add([(ask.body.name, ask.body.text.encode())])


async def upload_credentials(ask: Ask) -> Upload:
    """Keep credentials from files, ZIP archives included, sent as multipart/form-data; at most 100 files."""
    return await ask.office.credentials.add(await uploaded(ask))


async def remove_credential(ask: Ask) -> Done:
    """Forget a credential and delete its file."""
    return await _act(ask, "delete")


async def verify_credential(ask: Ask) -> Done:
    """Try a credential with one call to Google that costs no quota."""
    return await _act(ask, "verify")


async def enable_credential(ask: Ask) -> Done:
    """Take a credential, or one unit of it, back into use, rested."""
    return await _act(ask, "enable")


async def disable_credential(ask: Ask) -> Done:
    """Take a credential, or one unit of it, out of use."""
    return await _act(ask, "disable", ask.body.reason)


async def refresh_email(ask: Ask) -> Done:
    """Ask Google for the e-mail address of a credential's account, and keep it."""
    return await _act(ask, "email")


async def change_credentials(ask: Ask) -> BatchDone:
    """Do one thing to many credentials; one that fails does not stop the others."""
    results = []
    for name in ask.body.ids:
        done = await ask.office.credentials.act(ask.body.action, name, ask.body.reason)
        results.append(done or Done(name, f"There is no credential named {name!r}."))
    return BatchDone(sum(not each.error for each in results), results)


async def download_credential(ask: Ask) -> Download:
    """Return one credential with its secrets, as a file that can be added again."""
    name = ask.path["id"]
    for file, document in (await ask.office.credentials.documents([name])).items():
        return Download(file, "application/json", document)
    raise not_found("credential", name)


async def download_credentials(ask: Ask) -> Download:
    """Return all credentials, or those named by `id`, with their secrets, as a ZIP archive."""
    documents = await ask.office.credentials.documents(ask.connection.query_params.getlist("id"))
    return Download("credentials.zip", "application/zip", zipped(documents))


class Chosen(Struct):
    """Which credentials. Shape: repeat `id` for several; none is all."""

    id: str = ""


async def _act(ask: Ask, action: Action, reason: str = "") -> Done:
    done = await ask.office.credentials.act(action, ask.path["id"], reason)
    if done is None:
        raise not_found("credential", ask.path["id"])
    return done


_ONE = "/credentials/{id}"
OPERATIONS = (
    Operation(method="GET", path="/credentials", run=list_credentials, answer=Credentials),
    Operation(method="POST", path="/credentials", run=add_credentials, body=NewCredentials, answer=Upload),
    Operation(method="POST", path="/credentials/upload", run=upload_credentials, body=bytes, answer=Upload),
    Operation(method="POST", path="/credentials/batch", run=change_credentials, body=Batch, answer=BatchDone),
    Operation(method="GET", path="/credentials.zip", run=download_credentials, query=Chosen, answer=bytes),
    Operation(method="GET", path=_ONE, run=show_credential, answer=Credential),
    Operation(method="DELETE", path=_ONE, run=remove_credential, answer=Done),
    Operation(method="GET", path=f"{_ONE}/download", run=download_credential, answer=bytes),
    Operation(method="POST", path=f"{_ONE}/verify", run=verify_credential, answer=Done),
    Operation(method="POST", path=f"{_ONE}/enable", run=enable_credential, answer=Done),
    Operation(method="POST", path=f"{_ONE}/disable", run=disable_credential, body=Reason, answer=Done),
    Operation(method="POST", path=f"{_ONE}/email", run=refresh_email, answer=Done),
)
