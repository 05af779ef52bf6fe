"""What every benchmark shares: servers started and stopped by their id, a report that says how it measured."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "bench-password-1"
MODEL = "gemini-2.5-flash"
PATH_OPENAI = "/v1/chat/completions"
PATH_GEMINI = f"/v1beta/models/{MODEL}:generateContent"
PATH_STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 20.0


@dataclass(frozen=True)
class Running:
    """A server that was started for a benchmark."""

    pid: int
    port: int
    directory: Path

    @property
    def cpu(self) -> float:
        """Seconds of processor time it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    @property
    def rss(self) -> float:
        """Resident memory in MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 1e6


@dataclass(frozen=True)
class Target:
    """What a figure has to be."""

    value: float
    at_most: bool

    def met(self, measured: float) -> bool:
        """Whether it is."""
        return measured <= self.value if self.at_most else measured >= self.value

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.value:g}"


def at_most(value: float) -> Target:
    """A figure that should stay low."""
    return Target(value, at_most=True)


def at_least(value: float) -> Target:
    """A figure that should be high."""
    return Target(value, at_most=False)


class Report:
    """Prints the claim, the machine and the method first, the results last, and says by its exit code how it went."""

    def __init__(self, claim: str, method: str, *tools: str) -> None:
        parser = argparse.ArgumentParser(description=claim)
        parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
        parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
        arguments = parser.parse_args()
        self.quick: bool = arguments.quick
        self._enforce: bool = arguments.enforce
        self._missed = False
        missing = [tool for tool in tools if shutil.which(tool, path=_search_path()) is None]
        if missing:
            sys.exit(f"This benchmark needs {' and '.join(missing)}; on Debian: apt-get install {' '.join(missing)}")
        print(
            f"claim     {claim}\nmachine   {_machine()}\nversions  {_versions(tools)}\nmethod    {method}", flush=True
        )

    def result(self, name: str, value: float, unit: str, target: Target | None = None) -> None:
        """Print one result."""
        wanted = ""
        if target is not None:
            met = target.met(value)
            self._missed |= not met
            wanted = f" (target {target}: {'met' if met else 'MISSED'})"
        print(f"RESULT {name} {value:.3f} {unit}{wanted}", flush=True)

    def close(self) -> None:
        """Exit, with 1 when a target was missed and somebody enforces it."""
        sys.exit(1 if self._missed and self._enforce else 0)


@contextmanager
def canned(events: int = 50, cadence: float = 0.0) -> Iterator[Running]:
    """Run an upstream that is never what is measured: one prebuilt answer, from `pollux simulate --canned`."""
    with _directory() as directory:
        scenario = directory / "scenario.json"
        scenario.write_text(json.dumps({"events": events, "cadence": cadence}))
        port = free_port()
        command = ["-m", "pollux", "simulate", "--canned", "--port", str(port), "--scenario", str(scenario)]
        with _server([sys.executable, *command], port, directory) as running:
            yield running


@contextmanager
def pollux(upstream: Running, **environment: str) -> Iterator[Running]:
    """Run `pollux serve` with one worker and everything on: metrics, access log to a file, the default pipeline."""
    with _directory() as directory:
        port = free_port()
        with _server(
            [sys.executable, "-m", "pollux", "serve"], port, directory, settings(upstream, port, **environment)
        ) as running:
            yield running


def settings(upstream: Running, port: int, **environment: str) -> dict[str, str]:
    """Return the environment of a Pollux that is measured."""
    return {
        "PORT": str(port),
        "PASSWORD": PASSWORD,
        "GEMINI_API_KEYS": "test-key-1,test-key-2",
        "GEMINI_API_ENDPOINT": f"http://127.0.0.1:{upstream.port}",
        "LOG_FILE": "pollux.log",
        **environment,
    }


@contextmanager
def hello() -> Iterator[Running]:
    """Run a bare hypercorn with an application that answers "hello world"."""
    with _directory() as directory:
        port = free_port()
        with _server([sys.executable, str(ROOT / "benchmarks/_hello.py"), str(port)], port, directory) as running:
            yield running


@contextmanager
def nginx(upstream: Running) -> Iterator[Running]:
    """Run nginx in one process, passing bytes through as they come."""
    with _directory() as directory:
        port = free_port()
        (directory / "nginx.conf").write_text(_NGINX % {"port": port, "upstream": upstream.port, "at": directory})
        program = shutil.which("nginx", path=_search_path())
        assert program
        command = [program, "-c", str(directory / "nginx.conf"), "-p", str(directory), "-e", "error.log"]
        with _server(command, port, directory) as running:
            yield running


def wrk(port: int, path: str, body: bytes, seconds: float, connections: int = 64, key: str = PASSWORD) -> float:
    """Return the requests per second that wrk gets out of a server."""
    with _directory() as directory:
        script = directory / "post.lua"
        script.write_text(_LUA % (key, body.decode().replace("]]", "] ]")))
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "-s", str(script)]
        done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        sys.exit(f"the server failed under load:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate, done.stdout
    return float(rate[1])


def chat(*, stream: bool = False) -> bytes:
    """Return the request body every benchmark sends to the OpenAI face."""
    message = {"role": "user", "content": "Say something about the weather in Lisbon, please."}
    asked = {"model": MODEL, "messages": [message], "temperature": 0.5}
    if stream:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(asked).encode()


def contents() -> bytes:
    """Return the same request as upstream would get it."""
    part = {"text": "Say something about the weather in Lisbon, please."}
    asked = {"contents": [{"role": "user", "parts": [part]}], "generationConfig": {"temperature": 0.5}}
    return json.dumps(asked).encode()


def http(path: str, body: bytes, method: str = "POST") -> bytes:
    """Return the bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {PASSWORD}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(port: int, request: bytes) -> bytes:
    """Send a request on a connection of its own and return the start of its answer. Errors: OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(request)
        return connection.recv(65536)


@contextmanager
def process(
    command: list[str], directory: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with none of our own settings around it, and end it by its id."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    surroundings = {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        **(environment or {}),
    }
    with (directory / "output").open("wb") as output:
        running = subprocess.Popen(command, cwd=directory, env=surroundings, stdout=output, stderr=output)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(5)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def _server(
    command: list[str], port: int, directory: Path, environment: dict[str, str] | None = None
) -> Iterator[Running]:
    with process(command, directory, environment) as running:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port):
            if running.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[:4]} did not start:\n{(directory / 'output').read_text()}")
            time.sleep(0.02)
        yield Running(running.pid, port, directory)


def _answers(port: int) -> bool:
    try:
        return fetch(port, http("/healthz", b"", "GET")).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pollux-bench-") as name:
        yield Path(name)


def _search_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def _machine() -> str:
    try:
        model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"


def _versions(tools: tuple[str, ...]) -> str:
    found = [f"Python {platform.python_version()}"]
    for package in ("pollux", "hypercorn", "uvloop", "h11", "orjson"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} (not installed)")
    for tool in tools:
        program = shutil.which(tool, path=_search_path())
        assert program
        said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
        found.append((said.stdout + said.stderr).splitlines()[0].split(" [")[0])
    return ", ".join(found)


_LUA = """
wrk.method = "POST"
wrk.headers["authorization"] = "Bearer %s"
wrk.headers["content-type"] = "application/json"
wrk.body = [[%s]]
"""

_NGINX = """
daemon off; master_process off; worker_processes 1; pid %(at)s/nginx.pid; error_log %(at)s/error.log;
events { worker_connections 4096; }
http {
  access_log %(at)s/access.log;
  client_body_temp_path %(at)s; proxy_temp_path %(at)s;
  fastcgi_temp_path %(at)s; uwsgi_temp_path %(at)s; scgi_temp_path %(at)s;
  upstream canned { server 127.0.0.1:%(upstream)d; keepalive 512; }
  server {
    listen 127.0.0.1:%(port)d;
    keepalive_requests 1000000;
    location / {
      proxy_pass http://canned; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }
  }
}
"""
