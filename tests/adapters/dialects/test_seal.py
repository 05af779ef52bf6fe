"""An envelope gives back the signature it was made from, and nothing else opens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.seal import Seal, opened, sealed


@given(st.text(alphabet="abcXYZ019+/=-_", min_size=1))
def test_envelope_gives_back_its_signature_and_kind(signature):
    assert opened(sealed({"functionCall": {}, "thoughtSignature": signature})) == Seal(signature, "call")
    assert opened(sealed({"text": "", "thoughtSignature": signature})) == Seal(signature, "text")


@given(st.text() | st.binary().map(lambda raw: raw.hex()))
def test_anything_else_does_not_open(envelope):
    assert opened(envelope) is None


@pytest.mark.parametrize(
    "envelope",
    [None, "", "e30=", "bnVsbA==", "eyJ2IjoyLCJzaWciOiJ4Iiwib24iOiJjYWxsIn0=", "eyJzaWciOiJ4Iiwib24iOiJ4In0="],
)
def test_envelope_of_another_kind_or_version_does_not_open(envelope):
    assert opened(envelope) is None
