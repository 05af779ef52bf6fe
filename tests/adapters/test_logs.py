"""Log lines: one per request, everybody's in one form, no secret in any."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from adapters.log_writer import LogWriter
from adapters.logs import Logs, _console_line, _json_line
from pipeline.errors import Broken
from pipeline.exchange import Request
from tests.adapters.ended import ended

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a"

PROGRAM = """
import asyncio, logging, sys, warnings
import structlog
from adapters.logs import configure
from pipeline.ports import Credential

log = structlog.get_logger("pollux.engine")  # as modules do, before anything is configured
logs = configure(sys.argv[1], sys.argv[2], sys.argv[3])
secret = "canary-7f3a"
token = "ya29." + secret
log.debug("debug line")
log.info("started", headers=[(b"authorization", b"Bearer " + secret.encode())], api_key=secret)
log.info("credential", credential=Credential(id="c1", kind="gemini_api", api_key=secret, access_token=token))
try:
    url = f"https://upstream.example/v1?key={secret}"
    raise ValueError(f"cannot fetch {url} with {token}")
except ValueError:
    log.exception("defect", request_id="r1")
logging.getLogger("hypercorn.error").warning("cannot parse %r", f"GET /?key={secret}")
logging.getLogger("hypercorn.error").info("%d arguments", "not")
warnings.warn(f"password={secret}")

async def main():
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"Task failed, token={secret}", "exception": RuntimeError(f"Bearer {secret}")}
    )

asyncio.run(main())
logging.getLogger("httpcore.http11").debug("request %s", secret)
logs.close()
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


def test_no_secret_reaches_a_log_line_of_ours_or_of_libraries():
    """Field notes T-SEC-LEAK: events, reprs, tracebacks, hypercorn's, asyncio's and warnings' lines."""
    text = run("debug", "json", "")
    assert CANARY not in text
    lines = [orjson.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [line["logger"] for line in lines] == [
        *("pollux.engine",) * 4,
        *("hypercorn.error", "py.warnings", "asyncio"),
    ]
    defect = next(line for line in lines if line["event"] == "defect")
    assert defect["request_id"] == "r1"
    assert "ValueError: cannot fetch https://upstream.example/v1?key=*** with ***" in defect["exception"]
    assert "RuntimeError: Bearer ***" in lines[-1]["exception"]


def test_no_secret_reaches_a_console_line():
    text = run("info", "console", "")
    assert CANARY not in text
    assert "debug line" not in text
    assert "\x1b" not in text, "no colours where there is no terminal"


def test_lines_go_to_the_file_and_json_is_what_no_terminal_gets(tmp_path):
    file = tmp_path / "pollux.log"
    stderr = run("warning", "auto", str(file))
    assert "defect" not in stderr
    levels = [orjson.loads(line)["level"] for line in file.read_bytes().splitlines()]
    assert set(levels) == {"warning", "error"}


def written(tmp_path: Path, x, outcome, *, access: bool = True, render=_json_line) -> str:
    file = tmp_path / "access.log"
    logs = Logs(LogWriter(file), render, access=access)
    logs.access(x, outcome)
    logs.close()
    return file.read_text()


def test_request_line_tells_what_happened(tmp_path):
    line = orjson.loads(written(tmp_path, ended(), None))
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") == pytest.approx(500, abs=200)
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "req-1",
        "route": "default",
        "protocol": "openai_chat",
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": "gemini-2.5-flash",
        "stream": True,
        "status": 200,
        "error_type": "",
        "ttfc_ms": 250.0,
        "attempts": 2,
        "caller": "default",
        "upstream": "gemini_api",
        "cred": "made-up-1",
        "input_tokens": 10,
        "output_tokens": 5,
        "thought_tokens": 3,
        "finish": "STOP",
    }


@pytest.mark.parametrize(
    ("outcome", "status", "error_type"),
    [(Broken(error_type="provider_cut"), 502, "provider_cut"), (asyncio.CancelledError(), 499, "caller_disconnect")],
    ids=repr,
)
def test_request_line_of_a_failure_says_the_metrics_words(tmp_path, outcome, status, error_type):
    line = orjson.loads(written(tmp_path, ended(), outcome))
    assert (line["status"], line["error_type"]) == (status, error_type)


def test_request_refused_before_any_stage_has_a_line(tmp_path):
    x = ended(caller=None, lease=None, reply=None, usage={}, finish={}, attempts=0, first_byte=0.0, model="")
    line = orjson.loads(written(tmp_path, x, Broken()))
    assert (line["cred"], line["upstream"], line["ttfc_ms"], line["finish"]) == (None, None, None, None)


def test_request_line_holds_no_query_and_no_secret(tmp_path):
    request = Request("GET", f"/v1/models/x&key={CANARY}", [], query_string=f"key={CANARY}".encode())
    text = written(tmp_path, ended(request=request, model=f"Bearer {CANARY}"), None)
    assert CANARY not in text


def test_path_cannot_forge_a_console_line(tmp_path):
    request = Request("GET", "/x\n2026-01-01 [info] all is well\x1b[31m", [])
    text = written(tmp_path, ended(request=request), None, render=_console_line(terminal=False))
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_requests_are_not_logged_above_info(tmp_path):
    assert written(tmp_path, ended(), None, access=False) == ""


def test_request_line_costs_little(tmp_path):
    """The promise is 25 us on an idle machine."""
    logs = Logs(LogWriter(tmp_path / "access.log"), _json_line, access=True)
    x = ended()
    started = time.thread_time()
    for _ in range(2000):
        logs.access(x, None)
    spent = (time.thread_time() - started) / 2000
    logs.close()
    assert spent < 100e-6


LOUDER = """
import sys
import structlog
from adapters.logs import configure

logs, log = configure("info", "json", sys.argv[1]), structlog.get_logger("pollux.engine")
log.debug("too quiet")
logs.set_level("error")
log.warning("too quiet again")
logs.set_level("debug")
log.debug("loud")
logs.close()
"""


def test_level_moved_counts_from_the_next_line(tmp_path: Path) -> None:
    file = tmp_path / "pollux.log"
    subprocess.run([sys.executable, "-c", LOUDER, str(file)], cwd=ROOT, check=True)
    assert [orjson.loads(line)["event"] for line in file.read_bytes().splitlines()] == ["loud"]
