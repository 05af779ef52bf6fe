"""The SSE splitter and the feed: any split of the bytes gives the same events."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.exchange import Chunk, Exchange, Request
from pipeline.stream import SseSplitter, WholeEvents

TEXTS = st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=40), max_size=6)


def split_all(data: bytes, cuts: list[int]) -> list[bytes]:
    splitter = SseSplitter()
    events = []
    last = 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        events += splitter.feed(data[last:cut])
        last = cut
    return events + splitter.flush()


@given(TEXTS, st.lists(st.integers(0, 600)), st.sampled_from([b"\r\n", b"\n", b"\r"]), st.booleans())
def test_split_anywhere_gives_same_events(texts: list[str], cuts: list[int], eol: bytes, closed: bool) -> None:
    payloads = [json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts]
    data = b"".join(b"data: " + payload + eol * 2 for payload in payloads)
    if not closed:
        data = data.removesuffix(eol * 2)
    assert split_all(data, cuts) == payloads


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_split_by_size_gives_same_events(size: int) -> None:
    data = b": hello\r\n\r\ndata: {1}\r\n\r\nevent: x\ndata:{2}\nid: 4\n\ndata: {3\rdata: 3}\r\rretry: 5\n\ndata: {4}"
    assert split_all(data, list(range(0, len(data), size))) == [b"{1}", b"{2}", b"{3\n3}", b"{4}"]


def test_block_without_field_is_passed_on_when_it_is_json() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b'data: {"a":1}\r\n\r\n{\n  "error": {\n    "code": 503\n  }\n}\n') == [b'{"a":1}']
    assert [json.loads(event) for event in splitter.flush()] == [{"error": {"code": 503}}]


def test_noise_between_events_is_skipped() -> None:
    splitter = SseSplitter()
    assert splitter.feed(b"\r\n\r\nnonsense\n\n:\n\ndata\n\ndata: \n\n") == []
    assert splitter.flush() == []


def test_event_of_twenty_mebibytes_in_small_reads_is_scanned_once() -> None:
    splitter = SseSplitter()
    line = b"x" * (20 * 1024 * 1024)
    data = b"data: " + line + b"\r\n\r\n"
    events = []
    for start in range(0, len(data), 65536):
        events += splitter.feed(data[start : start + 65536])
    assert events == [line]


def whole_events(noted: list[bytes]) -> WholeEvents:
    def judge(data: bytes) -> list[Chunk]:
        noted.append(data)
        return []

    nobody: Any = None
    return WholeEvents(Exchange("id", Request("POST", "/", []), nobody, 0.0), judge)


@given(st.lists(st.integers(0, 200)), st.sampled_from(["\r\n", "\n"]), st.booleans())
def test_events_pass_whole_and_untouched_wherever_they_are_split(cuts: list[int], eol: str, closed: bool) -> None:
    events = [f'data: {{"text": "\u4f60{number}"}}{eol}{eol}'.encode() for number in range(5)]
    data = b"".join(events) + (b"" if closed else b'data: {"finishReason": "STOP"}')
    noted: list[bytes] = []
    passing = whole_events(noted)
    passed, last = b"", 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        if cut > last:
            passed += passing.feed(data[last:cut])
        assert passed == b"".join(events[: passed.count(b"data:")])
        last = cut
    assert passed + passing.flush() == data + (b"" if closed else b"\r\n\r\n")
    assert noted[-1] == b""


def test_event_of_twenty_mebibytes_in_small_reads_is_joined_once() -> None:
    passing = whole_events([])
    data = b"data: " + b"x" * (20 * 1024 * 1024) + b"\r\n\r\n"
    began = time.process_time()
    passed = [passing.feed(data[start : start + 16384]) for start in range(0, len(data), 16384)]
    assert b"".join(passed) == data
    assert time.process_time() - began < 2  # joining and searching all of it with each read takes 10 s
