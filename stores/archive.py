"""What is in a ZIP archive, without trusting it."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath

from stores.documents import FormError

MAX_ENTRIES = 1000
MAX_ENTRY_BYTES = 10 * 1024 * 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
MAX_RATIO = 100
_SMALL = 64 * 1024  # below this a ratio says nothing: a padded document compresses well
_ENCRYPTED = 0x1
_DAMAGE = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
)
"""What the standard library raises when bytes are not as their archive says."""


def is_archive(data: bytes) -> bool:
    """Whether these bytes begin as a ZIP archive does."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def members(data: bytes) -> Iterator[tuple[str, bytes | FormError]]:
    """Yield each file's name with its content, or with why it is refused.

    Errors: FormError when the archive as a whole is refused.
    """
    total = 0
    with _opened(data) as archive:
        for info in archive.infolist():
            if info.filename.endswith("/") or info.filename.startswith("__MACOSX/"):
                continue
            try:
                content = _read(archive, info)
                total += len(content)
            except FormError as exc:
                yield info.filename, exc
                continue
            if total > MAX_TOTAL_BYTES:
                raise FormError(f"the archive holds more than {MAX_TOTAL_BYTES} bytes")
            yield info.filename, content


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _DAMAGE as exc:
        raise FormError(f"not a readable ZIP archive: {exc}") from exc
    if len(archive.infolist()) > MAX_ENTRIES:
        raise FormError(f"the archive has more than {MAX_ENTRIES} entries")
    return archive


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
        raise FormError("its name leads out of the archive")
    if info.flag_bits & _ENCRYPTED:
        raise FormError("it is encrypted")
    if info.file_size > MAX_ENTRY_BYTES:
        raise FormError(f"it is larger than {MAX_ENTRY_BYTES} bytes")
    try:
        with archive.open(info) as file:
            content = file.read(MAX_ENTRY_BYTES + 1)  # the directory's word on the size is not to be trusted
    except _DAMAGE as exc:
        raise FormError(f"it is damaged: {exc}") from exc
    if len(content) > MAX_ENTRY_BYTES:
        raise FormError(f"it is larger than {MAX_ENTRY_BYTES} bytes")
    if len(content) > max(_SMALL, MAX_RATIO * info.compress_size):
        raise FormError(f"it is compressed more than {MAX_RATIO} times")
    return content
