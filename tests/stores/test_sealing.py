"""What is sealed opens with its key only, and plain credentials are sealed when they are written."""

import base64
import json

import pytest

from pipeline.errors import StoreError
from stores.directory import DirectoryStore
from stores.forms import read_credentials
from stores.memory import MemoryState
from stores.sealing import Damaged, Sealer, read_envelope
from stores.shared import KIND, SharedCredentials
from tests.stores.credentials import GCLI2API, GEMINI_CLI
from tests.stores.names import key_in

KEY, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def made(document, name):
    return read_credentials(json.dumps(document).encode(), name)[0]


@pytest.mark.parametrize("secret", [KEY, "made-up passphrase", "短"])
def test_sealed_content_opens_with_the_same_secret_only(secret):
    sealed = Sealer([secret]).seal(b"content")
    assert json.loads(sealed).keys() == {"v", "kid", "nonce", "data"}
    assert b"content" not in sealed
    assert Sealer([secret]).open(sealed) == b"content"
    assert Sealer([OTHER, secret]).open(sealed) == b"content"
    for wrong, why in (([OTHER], "is another one"), ([], "is not set")):
        with pytest.raises(StoreError, match=why):
            Sealer(wrong).open(sealed)


def test_content_is_sealed_otherwise_each_time_and_one_passphrase_is_stretched_once():
    sealer = Sealer(["made-up passphrase"])
    first, second = (read_envelope(sealer.seal(b"content")) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.kid == second.kid
    assert first.data != second.data


def test_later_seal_uses_the_salt_of_what_was_opened():
    sealed = Sealer(["made-up passphrase"]).seal(b"content")
    later = Sealer(["made-up passphrase"])
    later.open(sealed)
    assert json.loads(later.seal(b"more"))["kid"] == json.loads(sealed)["kid"]


@pytest.mark.parametrize("field", ["nonce", "data"])
def test_changed_envelope_is_damaged_and_not_mistaken_for_another_key(field):
    envelope = json.loads(Sealer([KEY]).seal(b"content"))
    envelope[field] = base64.b64encode(b"x" * 40).decode()
    with pytest.raises(Damaged):
        Sealer([KEY]).open(json.dumps(envelope).encode())


@pytest.mark.parametrize(
    "content", [b"plain", b"{}", b'{"v":1,"kid":"k"}', b'{"v":1,"kid":"k","nonce":"","data":"","x":1}', b""]
)
def test_what_is_no_envelope_is_left_as_it_is(content):
    assert Sealer([KEY]).open(content) == content
    assert Sealer([]).seal(content) == content


async def test_file_is_sealed_when_it_is_written_and_read_again(tmp_path):
    (tmp_path / "plain.json").write_text(json.dumps(GCLI2API))
    store = DirectoryStore(tmp_path, sealer=Sealer([KEY]))
    await store.add(made(GEMINI_CLI, "new.json"))
    assert "made-up" not in (tmp_path / "new.json").read_text()
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o600
    loaded = {each.id: each for each in await store.load()}
    assert loaded.keys() == {"new", "plain"}
    for each in loaded.values():
        each.access_token = f"made-up-{each.id}"
        await store.save(each)
    assert read_envelope((tmp_path / "plain.json").read_bytes())  # plain until it was written
    again = await DirectoryStore(tmp_path, sealer=Sealer([KEY])).load()
    assert [each.access_token for each in again] == ["made-up-new", "made-up-plain"]
    assert again[1].extra["project_id"] == "project-2"


async def test_damaged_file_is_reported_and_the_others_serve(tmp_path):
    store = DirectoryStore(tmp_path, sealer=Sealer([KEY]))
    await store.add(made(GCLI2API, "good.json"))
    envelope = {**json.loads((tmp_path / "good.json").read_text()), "data": "AAAA"}
    (tmp_path / "bad.json").write_text(json.dumps(envelope))
    assert [each.id for each in await store.load()] == ["good"]
    assert [problem.entry for problem in store.problems()] == ["bad.json"]


async def sealed_homes(tmp_path, state, *secrets):
    return DirectoryStore(tmp_path, sealer=Sealer(secrets)), SharedCredentials(state, Sealer(secrets))


async def test_wrong_key_is_an_error_and_nothing_is_overwritten(tmp_path):
    state = MemoryState()
    for home in await sealed_homes(tmp_path, state, KEY):
        await home.add(made(GCLI2API, "a.json"))
    before = (tmp_path / "a.json").read_bytes(), await state.load(KIND)
    for home in (*await sealed_homes(tmp_path, state, OTHER), *await sealed_homes(tmp_path, state)):
        for change in (home.load(), home.add(made(GEMINI_CLI, "b.json"))):
            with pytest.raises(StoreError, match="POLLUX_ENCRYPTION_KEY"):
                await change
    assert ((tmp_path / "a.json").read_bytes(), await state.load(KIND)) == before


async def test_resealing_brings_all_under_the_new_key(tmp_path):
    state = MemoryState()
    for home in await sealed_homes(tmp_path, state, KEY):
        await home.add(made(GCLI2API, "a.json"))
    (tmp_path / "plain.txt").write_text("test-key-1\ntest-key-2")
    (tmp_path / "notes.txt").write_text("Read me first.\nThis is, no key.")
    directory, shared = await sealed_homes(tmp_path, state, OTHER, KEY)
    assert (await directory.reseal(), await shared.reseal()) == (2, 1)
    assert (await directory.reseal(), await shared.reseal()) == (0, 0)
    assert (tmp_path / "notes.txt").read_text().startswith("Read me")
    directory, shared = await sealed_homes(tmp_path, state, OTHER)
    names = [each.id for each in await directory.load()]
    assert names == ["a", key_in("plain", "test-key-1"), key_in("plain", "test-key-2")]
    assert [each.id for each in await shared.load()] == ["a"]


async def test_shared_document_shows_nothing_of_a_sealed_credential():
    state = MemoryState()
    await SharedCredentials(state, Sealer([KEY])).add(made(GCLI2API, "a.json"))
    assert (await state.load(KIND))["a"].keys() == {"v", "kid", "nonce", "data"}
