"""The OAuth client of a gemini-cli installed on this machine, for credentials that name none.

Nothing is fetched and nothing is kept: a refresh token works only with the client that issued it, and no client of
anybody else's is written into this program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from adapters.oauth import OAuthClient

# The bundle holds other ids too: the names of the constants are what tells them apart.
_ID = re.compile(rb"OAUTH_CLIENT_ID\s*=\s*[\"']([0-9]+-[a-z0-9]+\.apps\.googleusercontent\.com)[\"']")
_SECRET = re.compile(rb"OAUTH_CLIENT_SECRET\s*=\s*[\"'](GOCSPX-[\w-]+)[\"']")

_PLACES = (
    "@google/gemini-cli-core/dist/src/code_assist/oauth2.js",
    "@google/gemini-cli/node_modules/@google/gemini-cli-core/dist/src/code_assist/oauth2.js",
    "@google/gemini-cli/bundle/*.js",
)
_ROOTS = (
    "~/.npm-global/lib/node_modules",
    "~/.npm/_npx/*/node_modules",
    "~/.nvm/versions/node/*/lib/node_modules",
    "/usr/lib/node_modules",
    "/usr/local/lib/node_modules",
    "/opt/homebrew/lib/node_modules",
    "/opt/homebrew/Cellar/gemini-cli/*/libexec/lib/node_modules",
    "/usr/local/Cellar/gemini-cli/*/libexec/lib/node_modules",
)
MAX_FILES = 500
MAX_BYTES = 32 * 1024 * 1024
"""How much is read at most of one file; a bundle's largest chunk is a third of it."""


def find_client(environ: Mapping[str, str] = os.environ, roots: Iterable[str] = _ROOTS) -> OAuthClient | None:
    """Return the client of the first gemini-cli found, or None.

    Shape: looks in NPM_CONFIG_PREFIX first, then in the places where npm, nvm and Homebrew install.
    """
    prefix = environ.get("NPM_CONFIG_PREFIX") or environ.get("npm_config_prefix")
    first = [f"{prefix}/lib/node_modules"] if prefix else []
    for path in islice(_files([*first, *roots]), MAX_FILES):
        client = _client_in(path)
        if client is not None:
            return client
    return None


def _files(roots: Iterable[str]) -> Iterator[Path]:
    for root in roots:
        expanded = Path(root).expanduser()
        for place in _PLACES:
            pattern = str((expanded / place).relative_to(expanded.anchor))
            yield from sorted(Path(expanded.anchor).glob(pattern))


def _client_in(path: Path) -> OAuthClient | None:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES)
    except OSError:
        return None
    name, secret = _ID.search(text), _SECRET.search(text)
    return OAuthClient(name[1].decode(), secret[1].decode()) if name and secret else None
