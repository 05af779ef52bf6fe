"""`pollux serve`: binds the listener, says where everything is, and runs one worker here or several as children."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from pollux.config import Loaded
from pollux.listener import bind
from pollux.password import with_generated
from pollux.problem import EX_CONFIG, ConfigErrors


def run(loaded: Loaded, environ: Mapping[str, str], ready: Callable[[str], None] | None = None) -> int:
    """Serve until a signal asks to stop; return the exit code. `ready` is told the URL once it is listened on."""
    # SIGHUP is held back until there is somebody to take it; it would end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    server = loaded.settings.server
    try:
        loaded, generated = with_passwords(loaded)
        listener = bind(server.host, server.port, shared=server.engine == "granian")
    except ConfigErrors as exc:
        print(f"pollux: {exc}", file=sys.stderr)
        return EX_CONFIG
    except OSError as exc:
        print(f"pollux: cannot listen on {server.host}:{server.port}: {exc.strerror or exc}", file=sys.stderr)
        return EX_CONFIG
    url = announce(listener, generated)
    if ready is not None:
        ready(url)
    if server.workers > 1:
        from pollux.supervisor import Supervisor

        return Supervisor(listener, server.workers, environ, server.grace).run()
    from pollux import worker

    return worker.run(loaded, listener, environ=environ)


def with_passwords(loaded: Loaded) -> tuple[Loaded, Path | None]:
    """Return the configuration with both passwords set, and the file that keeps the generated one, if one was.

    Errors: ConfigErrors.
    """
    folder = Path(loaded.settings.storage.data_dir)
    try:
        auth, path = with_generated(loaded.settings.auth, folder)
    except OSError as exc:
        wrong = f"cannot keep a generated password in {folder}: {exc.strerror or exc}"
        raise ConfigErrors([loaded.problem(("storage", "data_dir"), wrong)]) from exc
    return replace(loaded, settings=replace(loaded.settings, auth=auth)), path


def announce(listener: socket.socket, generated: Path | None) -> str:
    """Say on one line where Pollux listens and where the key is; return the URL."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    where = f"the key is in {generated}" if generated else "the key is your API password"
    print(f"pollux: listening on {url}; {where}; console: {url}/", flush=True)
    return url
