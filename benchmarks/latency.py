"""Claim: one caller alone waits hardly longer through Pollux than at upstream itself."""

from __future__ import annotations

import socket
import time
from statistics import quantiles

from _bench import PATH_GEMINI, PATH_OPENAI, Report, at_most, canned, chat, contents, http, pollux

METHOD = (
    "one keep-alive connection, one request at a time, to Pollux (OpenAI -> Gemini -> OpenAI, metrics and access log"
    " on) and directly to its canned upstream, alternating request by request; the difference of the percentiles"
)


class Caller:
    """One connection that asks, waits for the whole answer, and says how long that took."""

    def __init__(self, port: int, request: bytes) -> None:
        self._request = request
        self._port = port
        self._socket = _connected(port)

    def ask(self) -> float:
        started = time.perf_counter()
        self._socket.sendall(self._request)
        answer = b""
        while not _whole(answer):
            data = self._socket.recv(65536)
            assert data, "the server closed the connection in the middle of an answer"
            answer += data
        spent = time.perf_counter() - started
        if b"connection: close" in answer.lower():
            # Hypercorn has a connection end after so many requests.
            self._socket.close()
            self._socket = _connected(self._port)
        return spent

    def close(self) -> None:
        self._socket.close()


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    assert head.startswith(b"HTTP/1.1 200"), answer
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0].partition(b":")[2])


def main() -> None:
    """Measure and report."""
    report = Report("added p99 <= 2 ms at concurrency 1", METHOD)
    number = 1000 if report.quick else 5000
    proxied, direct = [], []
    with canned() as upstream, pollux(upstream) as proxy:
        through = Caller(proxy.port, http(PATH_OPENAI, chat()))
        straight = Caller(upstream.port, http(PATH_GEMINI, contents()))
        for _ in range(200):
            through.ask()
            straight.ask()
        for _ in range(number):
            proxied.append(through.ask())
            direct.append(straight.ask())
        through.close()
        straight.close()
    ours, theirs = (quantiles([each * 1000 for each in times], n=100) for times in (proxied, direct))
    report.result("direct_p50", theirs[49], "ms")
    report.result("direct_p99", theirs[98], "ms")
    report.result("added_p50", ours[49] - theirs[49], "ms")
    report.result("added_p99", ours[98] - theirs[98], "ms", at_most(2.0))
    report.close()


if __name__ == "__main__":
    main()
