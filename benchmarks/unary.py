"""Claim: a unary answer, translated both ways, costs little more than the server's own hello world."""

from __future__ import annotations

from statistics import median

from _bench import PATH_OPENAI, Report, at_least, canned, chat, hello, pollux, wrk

METHOD = (
    "wrk -t 1 -c 64 POSTs a chat completion to Pollux (OpenAI -> Gemini -> OpenAI, one worker, metrics and access log"
    " on, canned upstream) and to a bare hypercorn hello world, in alternating rounds; medians"
)


def main() -> None:
    """Measure and report."""
    report = Report("unary requests/s >= 0.40 x bare hypercorn", METHOD, "wrk")
    rounds, seconds = (2, 2.0) if report.quick else (5, 4.0)
    proxied, bare = [], []
    with canned() as upstream, pollux(upstream) as proxy, hello() as server:
        for each in (proxy, server):
            wrk(each.port, PATH_OPENAI, chat(), 1.0)
        for _ in range(rounds):
            proxied.append(wrk(proxy.port, PATH_OPENAI, chat(), seconds))
            bare.append(wrk(server.port, PATH_OPENAI, chat(), seconds))
            print(f"round     Pollux {proxied[-1]:.0f}/s, bare hypercorn {bare[-1]:.0f}/s", flush=True)
    report.result("unary_rate", median(proxied), "requests/s")
    report.result("unary_bare_rate", median(bare), "requests/s")
    report.result("unary_ratio", median(proxied) / median(bare), "x bare hypercorn", at_least(0.40))
    report.close()


if __name__ == "__main__":
    main()
