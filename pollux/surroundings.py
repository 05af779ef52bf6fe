"""What a configuration needs of this machine: directories, ports, libraries, and credentials that can be read."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import StoreError
from pollux.listener import address, bind
from pollux.problem import ENVIRONMENT, Problem

if TYPE_CHECKING:
    from pipeline.ports import Credential
    from pollux.config import Loaded
    from pollux.settings import Storage
    from pollux.spans import KeyPath


def problems(loaded: Loaded, environ: Mapping[str, str]) -> list[Problem]:
    """Return everything on this machine that keeps the configuration from working."""
    found = [*_directories(loaded), *_ports(loaded), *_libraries(loaded)]
    if not any(each.level == "error" for each in found):
        # The stores are opened only where their directories can be used.
        found += _credentials(loaded, environ)
    return found


def _directories(loaded: Loaded) -> Iterator[Problem]:
    storage = loaded.settings.storage
    for name in ("credentials_dir", "data_dir"):
        path = Path(getattr(storage, name))
        wrong = _unusable(path)
        if wrong:
            yield loaded.problem(("storage", name), f"{path}: {wrong}")
    file = loaded.settings.logging.file
    if file and Path(file).is_dir():
        yield loaded.problem(("logging", "file"), f"{file}: is a directory")
    elif file and _unusable(Path(file).parent):
        yield loaded.problem(("logging", "file"), f"{Path(file).parent}: {_unusable(Path(file).parent)}")


def _unusable(directory: Path) -> str:
    """Say why a directory cannot be used, or made where it does not exist yet."""
    if not directory.exists():
        above = next(each for each in directory.absolute().parents if each.exists())
        return "" if os.access(above, os.W_OK | os.X_OK) else f"cannot be made in {above}"
    if not directory.is_dir():
        return "is not a directory"
    return "" if os.access(directory, os.R_OK | os.W_OK | os.X_OK) else "cannot be read and written"


def _ports(loaded: Loaded) -> Iterator[Problem]:
    server, metrics = loaded.settings.server, loaded.settings.metrics
    wanted: list[tuple[KeyPath, str, int]] = [(("server", "port"), server.host, server.port)]
    if metrics.bind:
        wanted.append((("metrics", "bind"), *address(metrics.bind)))
    for path, host, port in wanted:
        try:
            bind(host, port).close()
        except OSError as exc:
            yield loaded.problem(path, f"cannot listen on {host}:{port}: {exc.strerror or exc}")


def _libraries(loaded: Loaded) -> Iterator[Problem]:
    from pollux import storage

    driver = storage.DRIVERS.get(storage.scheme(loaded.settings.storage))
    if driver is not None and importlib.util.find_spec(driver) is None:
        extra = storage.EXTRAS[driver]
        yield loaded.problem(("storage", "url"), f"{driver} is not installed: pip install 'pollux[{extra}]'")
    engine = loaded.settings.server.engine
    if importlib.util.find_spec(engine) is None:
        yield loaded.problem(("server", "engine"), f"{engine} is not installed: pip install 'pollux[{engine}]'")


def _credentials(loaded: Loaded, environ: Mapping[str, str]) -> list[Problem]:
    """Read the stores that exist; none is made here, where it might belong to another user than the server's."""
    from pollux import credentials
    from stores.directory import DirectoryStore

    settings = loaded.settings.storage
    given = credentials.from_environment(environ, settings)
    found = [Problem(each.reason, each.entry, ENVIRONMENT) for each in given.problems]
    found_here = list(given.credentials)
    try:
        for home, held in asyncio.run(_kept(settings, environ, Path(settings.credentials_dir).exists())):
            found_here += held
            if isinstance(home, DirectoryStore):
                found += [Problem(each.reason, each.entry, settings.credentials_dir) for each in home.problems()]
    except StoreError as exc:
        found.append(loaded.problem(("storage", "url" if settings.url else "data_dir"), exc.message))
    if all(credential.disabled for credential in found_here):
        message = "no credential is in use: pollux creds add FILE, or set GEMINI_API_KEYS"
        found.append(loaded.problem(("storage", "credentials_dir"), message, "warning"))
    return found


async def _kept(settings: Storage, environ: Mapping[str, str], there: bool) -> list[tuple[object, list[Credential]]]:
    """Return the credentials in each place; `there` is whether the directory exists. Errors: StoreError."""
    from pollux import storage
    from stores.directory import DirectoryStore
    from stores.memory import MemoryState

    embedded = not settings.url and not (Path(settings.data_dir) / storage.STATE).exists()
    state = MemoryState() if embedded else await storage.opened(settings)
    try:
        return [
            (home, await home.load())
            for home in storage.homes(settings, state, environ)
            if there or not isinstance(home, DirectoryStore)
        ]
    finally:
        await state.close()
