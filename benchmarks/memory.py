"""Claim: a worker is small, and so is a stream that waits."""

from __future__ import annotations

import socket
import time

from _bench import PATH_OPENAI, Report, at_most, canned, chat, fetch, http, pollux

METHOD = (
    "resident memory of one worker (metrics and access log on) after its first answer; then with streams open whose"
    " upstream has sent one event and stays silent; the difference by stream"
)


def main() -> None:
    """Measure and report."""
    report = Report("RSS <= 60 MB per worker after start", METHOD)
    number = 100 if report.quick else 500
    request = http(PATH_OPENAI, chat(stream=True))
    with canned(events=50, cadence=60.0) as upstream, pollux(upstream) as proxy:
        assert fetch(proxy.port, http(PATH_OPENAI, chat())).startswith(b"HTTP/1.1 200")
        started = proxy.rss
        callers = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(number)]
        for caller in callers:
            caller.sendall(request)
        for caller in callers:
            assert caller.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(1)
        streaming = proxy.rss
        for caller in callers:
            caller.close()
    report.result("stream_rss", (streaming - started) / number * 1000, "kB/idle stream")
    report.result("worker_rss", started, "MB", at_most(60))
    report.close()


if __name__ == "__main__":
    main()
