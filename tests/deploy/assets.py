"""Where the files to deploy are, and how a tool that lints them is run: one that is missing is a failure."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from adapters.metric_table import METRICS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

_SAMPLES = re.compile(r"pollux_[a-z0-9_]+")
_KINDS = {metric.name: metric.kind for metric in METRICS}


def tool(name: str) -> str:
    """Return the path of a program that .ci/run installs."""
    found = shutil.which(name)
    assert found, f"{name} is missing: .ci/run installs it"
    return found


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output is the failure's message."""
    done = subprocess.run(
        [tool(str(command[0])), *map(str, command[1:])], check=False, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def read_yaml(path: Path) -> Any:
    return msgspec.yaml.decode(path.read_bytes())


def unknown_metrics(query: str) -> set[str]:
    """Return what a PromQL expression asks for and no metric of the table gives."""
    return {name for name in _SAMPLES.findall(query) if _KINDS.get(name) is None and _histogram(name) is None}


def _histogram(sample: str) -> str | None:
    base = re.sub(r"_(bucket|sum|count)$", "", sample)
    return base if _KINDS.get(base) == "histogram" else None
