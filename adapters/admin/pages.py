"""The console's pages and what they are made of; a browser keeps the parts for good, and asks for each page anew."""

from __future__ import annotations

import gzip
import hashlib
import html
from functools import cache
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).with_name("console")
_INDEX = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class Asset(Struct, frozen=True):
    """One file, as it is and compressed."""

    media_type: str
    plain: bytes
    packed: bytes


class Assets(Struct, frozen=True):
    """All files by path. Shape: `version` changes when any of them does, and is part of every address."""

    version: str
    files: dict[str, Asset]


@cache
def assets() -> Assets:
    """Return the files of this release."""
    found = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    version = digest.hexdigest()[:16]
    found[_INDEX] = _index(found, version)
    return Assets(version, {name: _asset(name, content) for name, content in found.items()})


def _asset(name: str, content: bytes) -> Asset:
    return Asset(_TYPES[Path(name).suffix], content, gzip.compress(content, mtime=0))


def _index(found: dict[str, bytes], version: str) -> bytes:
    """Return the page, which names all modules: a browser fetches them at once and not import by import."""
    base = f"/console/{version}/"
    modules = [name for name in found if name.endswith(".js")]
    preload = "\n".join(f'    <link rel="modulepreload" href="{html.escape(base + name)}">' for name in modules)
    page = found[_INDEX].decode()
    return page.replace("<!-- modules -->", preload.strip()).replace("{{base}}", base).encode()


async def page(request: Request) -> Response:
    """Return the page; its script shows what the address asks for."""
    return _answer(request, assets().files[_INDEX], _ASK_AGAIN)


async def part(request: Request) -> Response:
    """Return one file; that of another release is answered with this one's, and not kept."""
    asset = assets().files.get(request.path_params["path"])
    if asset is None or asset.media_type == _TYPES[".html"]:
        return Response("There is nothing here.\n", 404, media_type="text/plain")
    current = request.path_params["version"] == assets().version
    return _answer(request, asset, _FOR_GOOD if current else _ASK_AGAIN)


def _answer(request: Request, asset: Asset, keep: str) -> Response:
    headers = {"etag": f'"{assets().version}"', "cache-control": keep, "vary": "accept-encoding"}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "content-encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.plain, headers=headers, media_type=asset.media_type)


ROUTES = [
    *(Route(path, page) for path in ("/", "/auth", "/api-key-admin", "/api-key-query")),
    Route("/console/{version}/{path:path}", part),
]
