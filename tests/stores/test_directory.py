"""A directory of credential files: picked up live, written back whole, never damaged."""

import asyncio
import json
import time

import msgspec
import pytest

from pipeline.errors import StoreError
from pipeline.ports import Credential
from stores.directory import DirectoryStore
from stores.forms import read_credentials
from stores.sealing import Sealer
from tests.stores.credentials import AUTHORIZED_USER, GCLI2API, GEMINI_CLI, zipped
from tests.stores.names import key_in


def put(path, document):
    path.parent.mkdir(exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
async def store(tmp_path):
    directory = DirectoryStore(tmp_path / "creds", interval=0.02)
    yield directory
    await directory.close()


async def ids(store):
    return [each.id for each in await store.load()]


async def test_missing_directory_is_made_for_its_owner_only(store, tmp_path):
    assert await store.load() == []
    assert mode(tmp_path / "creds") == 0o700


async def test_every_form_is_picked_up_and_what_is_not_ours_is_passed_over(store, tmp_path):
    put(tmp_path / "creds/a.json", GEMINI_CLI)
    put(tmp_path / "creds/keys.txt", "test-key-1\ntest-key-2")
    (tmp_path / "creds/b.zip").write_bytes(zipped({"c.json": json.dumps(GCLI2API)}))
    put(tmp_path / "creds/creds_state.toml", "x = 1")
    put(tmp_path / "creds/.hidden.json", AUTHORIZED_USER)
    assert await ids(store) == ["a", "c", key_in("keys", "test-key-1"), key_in("keys", "test-key-2")]
    assert store.problems() == []


async def test_file_put_changed_or_taken_away_is_noticed(store, tmp_path):
    await store.load()
    told = asyncio.Event()
    store.watch(told.set)
    for change, expected in (
        (lambda: put(tmp_path / "creds/a.json", GCLI2API), ["project-2"]),
        (lambda: put(tmp_path / "creds/a.json", {**GCLI2API, "project_id": "another"}), ["another"]),
        ((tmp_path / "creds/a.json").unlink, None),
    ):
        told.clear()
        change()
        await asyncio.wait_for(told.wait(), 5)
        found = await store.load()
        assert [each.projects for each in found] == ([] if expected is None else [expected])


async def test_unchanged_file_keeps_its_credential_when_another_changes(store, tmp_path):
    put(tmp_path / "creds/a.json", GCLI2API)
    (first,) = await store.load()
    put(tmp_path / "creds/b.json", GEMINI_CLI)
    assert (await store.load())[0] is first


async def test_save_of_its_own_is_not_taken_for_a_change(store, tmp_path):
    put(tmp_path / "creds/a.json", GCLI2API)
    (credential,) = await store.load()
    told = asyncio.Event()
    store.watch(told.set)
    credential.access_token = "made-up-new"
    await store.save(credential)
    await asyncio.sleep(0.1)
    assert not told.is_set()
    assert (await store.load())[0] is credential


async def test_saved_file_keeps_its_form_and_only_its_owner_reads_it(store, tmp_path):
    path = put(tmp_path / "creds/a.json", GCLI2API)
    path.chmod(0o644)
    (credential,) = await store.load()
    credential.access_token, credential.projects = "made-up-new", ["found"]
    await store.save(credential)
    assert json.loads(path.read_text()) == {**GCLI2API, "token": "made-up-new", "project_id": "found"}
    assert mode(path) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


async def test_nothing_changed_writes_nothing(store, tmp_path):
    path = put(tmp_path / "creds/a.json", GCLI2API)
    before = path.stat().st_mtime_ns
    (credential,) = await store.load()
    await store.save(credential)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("now", ["{ half a file", json.dumps(GEMINI_CLI)])
async def test_file_that_is_not_what_was_read_is_not_overwritten(store, tmp_path, now):
    """Seed #7: what could not be read was overwritten with nothing."""
    path = put(tmp_path / "creds/a.json", GCLI2API)
    (credential,) = await store.load()
    put(path, now)
    credential.access_token = "made-up-new"
    with pytest.raises(StoreError, match="left as it is"):
        await store.save(credential)
    assert path.read_text() == now


async def test_file_changed_meanwhile_keeps_the_change_and_is_read_anew(store, tmp_path):
    path = put(tmp_path / "creds/a.json", GCLI2API)
    (credential,) = await store.load()
    changed = {**GCLI2API, "project_id": "another", "disabled": True}
    put(path, changed)
    credential.access_token = "made-up-new"
    await store.save(credential)
    assert json.loads(path.read_text()) == {**changed, "token": "made-up-new"}
    told = asyncio.Event()
    store.watch(told.set)
    await asyncio.wait_for(told.wait(), 5)
    (known,) = await store.load()
    assert (known.projects, known.disabled) == (["another"], "disabled in its file")
    await store.save(credential)
    assert json.loads(path.read_text()) == {**changed, "token": "made-up-new"}


async def test_file_that_cannot_be_opened_takes_no_other_away(store, tmp_path):
    path = put(tmp_path / "creds/b.json", GCLI2API)
    (credential,) = await store.load()
    sealed = Sealer(["another passphrase"]).seal(json.dumps(GEMINI_CLI).encode())
    put(tmp_path / "creds/a.json", sealed.decode())
    with pytest.raises(StoreError, match="encrypted"):
        await store.load()
    credential.access_token = "made-up-new"
    await store.save(credential)
    assert json.loads(path.read_text())["token"] == "made-up-new"


async def test_file_taken_away_does_not_come_back_with_a_refresh(store, tmp_path):
    path = put(tmp_path / "creds/a.json", GCLI2API)
    (credential,) = await store.load()
    path.unlink()
    credential.access_token = "made-up-new"
    with pytest.raises(StoreError):
        await store.save(credential)
    assert not path.exists()


async def test_bad_file_is_reported_and_the_good_ones_serve(store, tmp_path):
    bad = put(tmp_path / "creds/bad.json", '{"refresh_token": "x"')
    put(tmp_path / "creds/good.json", GCLI2API)
    assert await ids(store) == ["good"]
    assert [problem.entry for problem in store.problems()] == ["bad.json"]
    assert bad.read_text() == '{"refresh_token": "x"'


async def test_names_that_meet_get_ids_of_their_own(store, tmp_path):
    put(tmp_path / "creds/a.json", GCLI2API)
    put(tmp_path / "creds/a.txt", GEMINI_CLI)
    assert await ids(store) == ["a", "a.txt"]
    assert await store.remove("a.txt")
    assert await ids(store) == ["a"]


async def test_added_credential_never_replaces_a_file(store, tmp_path):
    path = put(tmp_path / "creds/a.json", "{ half a file")
    name = await store.add(read_credentials(json.dumps(GCLI2API).encode(), "a.json")[0])
    assert path.read_text() == "{ half a file"
    assert await ids(store) == [name]
    assert mode(tmp_path / f"creds/{name}.json") == 0o600


async def test_one_of_several_in_a_file_is_not_removed_with_the_others(store, tmp_path):
    put(tmp_path / "creds/keys.txt", "test-key-1\ntest-key-2")
    await store.load()
    with pytest.raises(StoreError, match="holds other credentials"):
        await store.remove(key_in("keys", "test-key-1"))
    assert await ids(store) == [key_in("keys", "test-key-1"), key_in("keys", "test-key-2")]


async def test_key_keeps_its_name_whatever_becomes_of_those_beside_it(store, tmp_path):
    """Else what was disabled would be another one, and the one that was disabled would serve."""
    path = tmp_path / "creds/keys.txt"
    for lines in ("test-key-1\ntest-key-2\ntest-key-3", "test-key-3\ntest-key-2", "test-key-2"):
        put(path, lines)
        names = {each.api_key: each.id for each in await store.load()}
        assert names["test-key-2"] == key_in("keys", "test-key-2")


async def test_link_is_replaced_and_what_it_leads_to_stays(store, tmp_path):
    source = put(tmp_path / "home.json", GEMINI_CLI)
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds/a.json").symlink_to(source)
    (credential,) = await store.load()
    credential.access_token = "made-up-new"
    await store.save(credential)
    assert json.loads(source.read_text()) == GEMINI_CLI
    assert await store.remove("a")
    assert source.exists()


async def test_directory_that_cannot_be_read_is_an_error_and_not_an_empty_store(tmp_path):
    (tmp_path / "creds").write_text("a file")
    with pytest.raises(StoreError):
        await DirectoryStore(tmp_path / "creds").load()


async def test_unknown_credential_is_not_saved(store):
    with pytest.raises(StoreError):
        await store.save(Credential(id="nobody", kind="gemini_api"))


async def test_saves_at_once_all_arrive(store, tmp_path):
    put(tmp_path / "creds/all.json", json.dumps([{**GCLI2API, "refresh_token": f"made-up-{n}"} for n in range(20)]))
    credentials = await store.load()
    await asyncio.gather(
        *(store.save(msgspec.structs.replace(each, access_token=f"new-{each.id}")) for each in credentials)
    )
    again = await DirectoryStore(tmp_path / "creds").load()
    assert [each.access_token for each in again] == [f"new-{each.id}" for each in credentials]


async def test_many_files_load_in_no_time(store, tmp_path):
    (tmp_path / "creds").mkdir()
    for number in range(2_000):
        text = json.dumps({**GCLI2API, "refresh_token": f"made-up-{number}"})
        (tmp_path / f"creds/{number}.json").write_text(text)
    began = time.perf_counter()
    assert len(await store.load()) == 2_000
    assert time.perf_counter() - began < 2.0  # the promise is 10,000; measured 0.6 s for them on an idle machine
