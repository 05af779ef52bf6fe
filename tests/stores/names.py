"""What credentials of a list are called."""

from pipeline.ports import Credential
from stores.forms import named


def key_in(stem: str, key: str) -> str:
    """Return the id of an API key in a list of that name."""
    return named(stem, Credential(id="", kind="gemini_api", api_key=key))
