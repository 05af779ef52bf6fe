"""Claim: Pollux answers in less than a second after it was started."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _bench import PATH_OPENAI, Report, Running, at_most, canned, chat, fetch, free_port, http, process, settings

METHOD = "from exec of `pollux serve` to the first 200, of /healthz and of a chat completion; median of runs"


def measured(upstream: Running) -> tuple[float, float]:
    """Return the seconds to the first health answer and to the first completion."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pollux-bench-") as name:
        started = time.monotonic()
        with process([sys.executable, "-m", "pollux", "serve"], Path(name), settings(upstream, port)):
            _wait(port, http("/healthz", b"", "GET"), started)
            healthy = time.monotonic() - started
            _wait(port, http(PATH_OPENAI, chat()), started)
            return healthy, time.monotonic() - started


def _wait(port: int, request: bytes, started: float) -> None:
    while time.monotonic() - started < 20:
        try:
            if fetch(port, request).startswith(b"HTTP/1.1 200"):
                return
        except OSError:
            time.sleep(0.002)
    sys.exit("no answer within 20 seconds")


def main() -> None:
    """Measure and report."""
    report = Report("first 200 within 0.8 s of start", METHOD)
    with canned() as upstream:
        runs = [measured(upstream) for _ in range(3 if report.quick else 9)][1:]
    report.result("first_completion", median(second for _, second in runs), "s")
    report.result("first_200", median(first for first, _ in runs), "s", at_most(0.8))
    report.close()


if __name__ == "__main__":
    main()
