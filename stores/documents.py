"""One credential as a JSON document, in every form that Google's tools and other proxies write.

Source: google-auth `authorized_user`, google-auth-library-nodejs (gemini-cli's `oauth_creds.json`), gcli2api.
"""

import copy
import re
from contextlib import suppress
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pipeline.exchange import Chunk
from pipeline.ports import Credential

SPELLINGS: dict[str, tuple[str, ...]] = {
    "api_key": ("api_key", "apiKey", "key"),
    "access_token": ("access_token", "token"),
    "refresh_token": ("refresh_token",),
    "expires_at": ("expiry", "expiry_date", "expires_at"),
    "client_id": ("client_id",),
    "client_secret": ("client_secret",),
    "token_uri": ("token_uri",),
    "scopes": ("scopes", "scope"),
    "projects": ("projects", "projectIds", "project_ids", "project_id", "project", "quota_project_id"),
    "location": ("location", "region"),
    "email": ("email", "user_email", "client_email", "account"),
}
"""A credential's fields and how documents spell them; the first found is read, and written back."""

_TEXTS = ("access_token", "client_id", "client_secret", "token_uri", "location", "email")
_NOT_A_KEY = {"ya29.": "an OAuth access token", "eyJ": "a signed token (JWT)"}
_KEY = re.compile(r"[^\s\"',;{}<>\[\]()\\]{8,512}")
_MILLISECONDS = 1e11  # a larger number cannot be seconds: it would be the year 5138


class FormError(Exception):
    """What was given is no credential; the message says why."""


def is_key(text: str) -> bool:
    """Whether a text has the characters of an API key."""
    return text.isascii() and text.isprintable() and _KEY.fullmatch(text) is not None


def read_key(key: str) -> str:
    """Return an API key, which is opaque: only what is known to be something else is refused. Errors: FormError."""
    for prefix, what in _NOT_A_KEY.items():
        if key.startswith(prefix):
            raise FormError(f"{what} is not an API key")
    if not is_key(key):
        raise FormError("not an API key: 8 to 512 characters without spaces, quotes or brackets")
    return key


def read_document(document: object) -> Credential:
    """Recognise one credential by its content; its id is left to the caller. Errors: FormError with the reason."""
    if isinstance(document, str):
        return Credential(id="", kind="gemini_api", api_key=read_key(document.strip()))
    if not isinstance(document, dict):
        raise FormError("a credential is a JSON object or an API key")
    if document.get("type") == "service_account":
        credential = _service_account(document)
    elif _text(document, "api_key"):
        credential = _api_key(document)
    elif _text(document, "refresh_token"):
        credential = _oauth(document)
    else:
        raise FormError(_why_not(document))
    disabled = document.get("disabled")
    credential.disabled = disabled if isinstance(disabled, str) else "disabled in its file" if disabled else ""
    credential.extra = document
    return credential


def to_document(credential: Credential, original: Chunk | None = None) -> Chunk:
    """Return a credential as a document in the form it came in: what has not changed is as it was, unknown keys too.

    Shape: `original` is what the document holds now; without it, what it held when it was read. What somebody else has
        changed there since stays, where the credential has not.
    """
    document = copy.deepcopy(credential.extra if original is None else original)
    if credential.service_account is not None:
        document = document or dict(credential.service_account)
        changeable: tuple[str, ...] = ("location",)
    else:
        changeable = tuple(SPELLINGS)
    was = read_document(document) if document else Credential(id="", kind="")
    read = read_document(credential.extra) if credential.extra else was
    for field in changeable:
        value = getattr(credential, field)
        if value not in (getattr(was, field), getattr(read, field)) and not (
            field == "projects" and value == ["_auto"]
        ):
            _write(document, field, value)
    if "id_token" in document:  # renewed with the access token, and of no use to us
        document["id_token"] = credential.extra.get("id_token", document["id_token"])
    if not was.kind and credential.kind.startswith("vertex") and credential.service_account is None:
        document["upstream"] = "vertex"
    return document


def identity(credential: Credential) -> tuple[str, ...]:
    """Return what makes two credentials the same one, whatever their names."""
    account = credential.service_account
    if account is not None:
        return credential.kind, str(account.get("client_email")), str(account.get("private_key_id"))
    # A refresh token belongs to one OAuth client, so that a file which does not name the client is the same too.
    return credential.kind, credential.refresh_token or credential.api_key


def _api_key(document: Chunk) -> Credential:
    kind = _upstream(document, {"gemini_api": "gemini_api", "vertex": "vertex_express"}, "gemini_api")
    return Credential(
        id="",
        kind=kind,
        api_key=read_key(_text(document, "api_key")),
        projects=_list(document, "projects"),
        location=_text(document, "location"),
        email=_text(document, "email"),
    )


def _oauth(document: Chunk) -> Credential:
    kind = _upstream(document, {"code_assist": "code_assist", "vertex": "vertex"}, "code_assist")
    credential = Credential(
        id="",
        kind=kind,
        refresh_token=_text(document, "refresh_token"),
        expires_at=_epoch(_value(document, "expires_at")),
        scopes=_list(document, "scopes"),
        projects=_list(document, "projects") or (["_auto"] if kind == "code_assist" else []),
    )
    for name in _TEXTS:
        setattr(credential, name, _text(document, name))
    return credential


def _service_account(document: Chunk) -> Credential:
    _upstream(document, {"vertex": "vertex"}, "vertex")
    for key in ("client_email", "private_key"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise FormError(f"a service account needs {key}")
    return Credential(
        id="",
        kind="vertex",
        service_account=document,
        projects=_list(document, "projects"),
        token_uri=_text(document, "token_uri"),
        location=_text(document, "location"),
        email=document["client_email"],
    )


def _upstream(document: Chunk, kinds: dict[str, str], default: str) -> str:
    said = document.get("upstream", default)
    for name, kind in kinds.items():
        if said in {name, kind}:
            return kind
    raise FormError(f"upstream: a credential of this form is for {' or '.join(kinds)}, not {said!r}")


def _why_not(document: Chunk) -> str:
    if isinstance(document.get("installed") or document.get("web"), dict):
        return "this is an OAuth client, not a credential: log in with it first"
    if str(document.get("type", "")).startswith("external_account"):
        return "workload identity federation is not supported"
    if _text(document, "access_token"):
        return "an access token without a refresh_token works for an hour at most"
    return "no api_key, refresh_token or service account in it"


def _holders(document: Chunk, field: str) -> list[Chunk]:
    """Where a field may stand: old CLIProxyAPI files nest the token."""
    nested = document.get("token")
    if isinstance(nested, dict) and field not in {"projects", "location", "email"}:
        return [nested, document]
    return [document]


def _find(document: Chunk, field: str) -> tuple[Chunk, str] | None:
    for holder in _holders(document, field):
        for key in SPELLINGS[field]:
            if holder.get(key) and not isinstance(holder[key], dict):
                return holder, key
    return None


def _value(document: Chunk, field: str) -> Any:
    found = _find(document, field)
    return None if found is None else found[0][found[1]]


def _text(document: Chunk, field: str) -> str:
    value = _value(document, field)
    if value is not None and not isinstance(value, str):
        raise FormError(f"{SPELLINGS[field][0]}: expected a string")
    return value or ""


def _list(document: Chunk, field: str) -> list[str]:
    value = _value(document, field)
    if isinstance(value, str):
        return value.replace(",", " ").split()
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise FormError(f"{SPELLINGS[field][0]}: expected a list of strings")
    return value or []


def _epoch(value: Any) -> float:
    """Read an instant in any spelling; one that cannot be read is in the past, so that the token is renewed."""
    with suppress(ValueError, OverflowError):
        if isinstance(value, str) and "-" in value:
            instant = datetime.fromisoformat(value)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float | str) and isfinite(number := float(value)):
            return number / (1000.0 if number > _MILLISECONDS else 1.0)
    return 0.0


def _write(document: Chunk, field: str, value: Any) -> None:
    found = _find(document, field)
    holder, key = found or (_holders(document, field)[0], SPELLINGS[field][0])
    was = None if found is None else holder[key]
    if field == "expires_at":
        value = _spelt_like(was, key, value)
    elif field == "scopes" and isinstance(was, str):
        value = " ".join(value)
    elif field == "projects" and not isinstance(was, list):
        key, value = (key if found else "project_id", value[0]) if len(value) == 1 else ("projects", value)
    holder[key] = value


def _spelt_like(was: Any, key: str, instant: float) -> Any:
    """Spell an instant as it was spelt: milliseconds, seconds, or ISO 8601 with or without a zone."""
    if key == "expiry_date" or (isinstance(was, int | float) and was > _MILLISECONDS):
        return int(instant * 1000)
    if isinstance(was, int | float):
        return instant
    iso = datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    if not isinstance(was, str) or "+" in was:
        return iso + "+00:00"
    return iso + ("Z" if was.endswith("Z") else "")
