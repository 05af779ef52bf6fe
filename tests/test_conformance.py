"""The conformance table in the docs is what the tests' markers say."""

import subprocess
import sys
from pathlib import Path

from tests.conformance import PAGE

_PRINT = "from tests.conformance import tables; print(tables(), end='')"


def test_page_is_what_the_markers_say() -> None:
    # A process of its own: pytest does not collect within pytest.
    root = Path(__file__).parents[1]
    made = subprocess.run([sys.executable, "-c", _PRINT], cwd=root, check=True, capture_output=True, encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    assert page[page.index("## ") :] == made.stdout, "run `make conformance`"
