"""Credentials in every form people have them in, recognised by content: one or many, as JSON, text, base64 or ZIP."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct, field

from pipeline.ports import Credential
from stores.archive import is_archive, members
from stores.documents import FormError, identity, is_key, read_document, to_document

__all__ = ["FormError", "Problem", "Reading", "identity", "read_credentials", "rewrite", "scan", "to_document"]

NOWHERE = -1
_MAX_ID = 100
_UNFIT = re.compile(r"[^\w.@-]+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Problem(Struct, frozen=True):
    """One thing that is no credential, and why."""

    entry: str
    reason: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.reason}"


class Reading(Struct):
    """What was found. Shape: `places` says where in a file of several each stands, by id; NOWHERE in an archive."""

    credentials: list[Credential] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)


class _Bundle(Struct):
    """The entries of one text, and how to put them back. Shape: `is_list` says that there may be other entries."""

    entries: list[Any]
    wrap: Callable[[list[Any]], bytes]
    is_list: bool = True


def read_credentials(data: bytes, name: str = "") -> list[Credential]:
    """Return the credentials in these bytes, each once.

    Shape: ids come from `name`, a file's; in a list or without a name from a hash of the secret: the same secret has
        the same id, whatever stands beside it.
    Errors: FormError with the reason for each entry that is none.
    """
    reading = scan(data, name)
    if reading.problems:
        raise FormError("\n".join(map(str, reading.problems)))
    return reading.credentials


def scan(data: bytes, name: str = "") -> Reading:
    """Return the credentials in these bytes and what is wrong with the rest."""
    reading = Reading()
    seen: set[tuple[str, ...]] = set()
    for found, place in _found(data, name, reading.problems):
        if identity(found) in seen:
            continue
        seen.add(identity(found))
        if found.id in reading.places:
            found.id = named(found.id, found)
        reading.credentials.append(found)
        reading.places[found.id] = place
    return reading


def rewrite(data: bytes, place: int, credential: Credential) -> bytes:
    """Return the bytes of a file with one of its credentials brought up to date, all else as it was.

    Errors: FormError when the file now holds something else in that place.
    """
    if place == NOWHERE:
        raise FormError("what is in an archive cannot be changed there")
    bundle = _unbundle(data)
    if place >= len(bundle.entries):
        raise FormError("it no longer holds this credential")
    entry = bundle.entries[place]
    if isinstance(entry, str):
        return data  # an API key has nothing that changes
    if identity(read_document(entry)) != identity(read_document(credential.extra)):
        raise FormError("it now holds another credential")
    changed = to_document(credential, entry)
    if changed == entry:
        return data
    bundle.entries[place] = changed
    credential.extra = to_document(credential)  # without what others changed, which it does not know of
    return bundle.wrap(bundle.entries)


def _found(data: bytes, name: str, problems: list[Problem]) -> Iterator[tuple[Credential, int]]:
    try:
        archive = data if is_archive(data) else _from_base64(data)
        if archive is not None and is_archive(archive):
            yield from _in_archive(archive, problems)
        else:
            yield from _in_text(data, name, problems)
    except FormError as exc:
        problems.append(Problem(name or "input", str(exc)))


def _in_archive(data: bytes, problems: list[Problem]) -> Iterator[tuple[Credential, int]]:
    for name, content in members(data):
        if isinstance(content, FormError):
            problems.append(Problem(name, str(content)))
        elif is_archive(content):
            problems.append(Problem(name, "an archive within an archive"))
        else:
            yield from ((each, NOWHERE) for each, _ in _found(content, name, problems))


def _in_text(data: bytes, name: str, problems: list[Problem]) -> Iterator[tuple[Credential, int]]:
    bundle = _unbundle(data)
    stem = _UNFIT.sub("_", PurePosixPath(name).stem).lstrip(".")[:_MAX_ID]
    for place, entry in enumerate(bundle.entries):
        try:
            credential = read_document(entry)
        except FormError as exc:
            entry_of = f", entry {place + 1}" if len(bundle.entries) > 1 else ""
            problems.append(Problem(f"{name or 'input'}{entry_of}", str(exc)))
            continue
        credential.id = named(stem, credential) if bundle.is_list or not stem else stem
        credential.source = name
        yield credential, place


def named(stem: str, credential: Credential) -> str:
    """Name a credential by its secret, which the name does not give away.

    Its place would not do: when a line is taken out of a list, what was disabled must not be another key.
    """
    word = "key" if credential.api_key else "account" if credential.service_account else "oauth"
    return f"{stem or word}-{sha256(' '.join(identity(credential)).encode()).hexdigest()[:10]}"


def _unbundle(data: bytes) -> _Bundle:
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as exc:
        raise FormError("neither text nor a ZIP archive") from exc
    if not text:
        raise FormError("it is empty")
    if text[0] in "{[":
        return _json(text)
    inner = _from_base64(data)
    if inner is not None:
        bundle = _unbundle(inner)
        return _Bundle(bundle.entries, lambda entries: base64.b64encode(bundle.wrap(entries)), bundle.is_list)
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    keys = [key.strip() for line in lines for key in line.split(",") if key.strip()]
    if len(keys) > 1 and not any(map(is_key, keys)):
        raise FormError("neither JSON, base64 nor API keys")
    return _Bundle(keys, lambda entries: "\n".join(entries).encode())


def _json(text: str) -> _Bundle:
    """Read an object, an array, or lines of objects."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            return _Bundle([msgspec.json.decode(line) for line in lines], _dump_lines)
        except (msgspec.DecodeError, RecursionError):
            raise FormError(f"invalid JSON: {exc}") from exc
    if isinstance(value, list):
        return _Bundle(value, _dump)
    return _Bundle([value], lambda entries: _dump(entries[0]), is_list=False)


def _dump(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _dump_lines(entries: list[Any]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)


def _from_base64(data: bytes) -> bytes | None:
    """Return what the bytes encode, if that is a form of ours: an API key may look like base64 too."""
    packed = b"".join(data.split()).translate(_URL_SAFE)
    try:
        decoded = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        return None
    if is_archive(decoded):
        return decoded
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        return None
    keys = text.replace(",", "\n").split()
    return decoded if text[:1] in {"{", "["} or (keys and all(map(is_key, keys))) else None
