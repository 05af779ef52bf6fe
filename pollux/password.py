"""Passwords: the generated one, and those that everybody knows."""

import ipaddress
import os
import secrets
from pathlib import Path

import msgspec

from pollux.settings import Auth

PLACEHOLDERS = frozenset(
    {
        *(
            "pwd",
            "password",
            "passwd",
            "123456",
            "12345678",
            "sk-123456",
            "admin",
            "admin123",
            "admin-secret",
        ),
        *("secret", "test", "changeme", "change-me", "change_me", "your-password", "your_password"),
        "unsafe-key-replace",
    }
)
"""Passwords of samples and defaults, in lower case; refused where others can reach the listener."""

FILE = "password"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on that host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def with_generated(auth: Auth, data_dir: Path) -> tuple[Auth, Path | None]:
    """Return both passwords, where an empty one is the generated one, and the file that keeps that.

    Shape: no file when nothing had to be generated. It is written once, readable by its owner only.
    Errors: OSError.
    """
    if auth.api_password and auth.panel_password:
        return auth, None
    path = data_dir / FILE
    word = _kept(path)
    filled = msgspec.structs.replace(
        auth, api_password=auth.api_password or word, panel_password=auth.panel_password or word
    )
    return filled, path


def _kept(path: Path) -> str:
    """Return the word that is kept there, after making one where there is none; an empty one would let anybody in."""
    return _read(path) or _made(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _made(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    word = secrets.token_urlsafe(24)
    # Written aside and linked: of several processes that start at once one wins, and none reads half a word.
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(word + "\n")
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave an empty file
        os.link(aside, path)
    except FileExistsError:
        if kept := _read(path):
            return kept
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return word
