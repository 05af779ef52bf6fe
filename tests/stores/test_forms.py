"""Every form people have credentials in is recognised, and comes back as it was."""

import base64
import io
import json
import random
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.forms import FormError, identity, read_credentials, rewrite, scan, to_document
from tests.stores.credentials import AUTHORIZED_USER, GCLI2API, GEMINI_CLI, NESTED, SERVICE_ACCOUNT, zipped
from tests.stores.names import key_in

NEW_YEAR = 1767225600.0  # 2026-01-01T00:00:00Z


def read(document, name="a.json"):
    (credential,) = read_credentials(json.dumps(document).encode(), name)
    return credential


def test_gemini_cli_file_has_milliseconds_and_no_client():
    """Seed #20: the file was accepted and could not be used."""
    credential = read(GEMINI_CLI, "oauth_creds.json")
    assert (credential.id, credential.kind, credential.projects) == ("oauth_creds", "code_assist", ["_auto"])
    assert (credential.access_token, credential.refresh_token) == ("made-up-access-1", "made-up-refresh-1")
    assert credential.expires_at == 1763640000.0
    assert credential.scopes == ["openid", "https://www.googleapis.com/auth/cloud-platform"]
    assert credential.client_id == ""


@pytest.mark.parametrize("expiry", ["2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"])
@pytest.mark.parametrize("token", ["token", "access_token"])
def test_gcli2api_file_is_read_in_both_spellings_and_naive_time_is_utc(expiry, token):
    document = {**GCLI2API, "expiry": expiry, token: "made-up-access-2"}
    credential = read(document)
    assert credential.access_token == "made-up-access-2"
    assert credential.expires_at == NEW_YEAR
    assert credential.projects == ["project-2"]
    assert credential.client_secret == "made-up-secret"


def test_authorized_user_is_an_account_and_vertex_where_it_says_so():
    assert (read(AUTHORIZED_USER).kind, read(AUTHORIZED_USER).projects) == ("code_assist", ["project-3"])
    assert read({**AUTHORIZED_USER, "upstream": "vertex"}).kind == "vertex"


def test_nested_token_is_read_and_written_in_its_place():
    credential = read(NESTED)
    assert (credential.refresh_token, credential.email) == ("made-up-refresh-4", "four@example.com")
    assert credential.expires_at == NEW_YEAR
    credential.access_token = "made-up-access-5"
    assert to_document(credential) == {**NESTED, "token": {**NESTED["token"], "access_token": "made-up-access-5"}}


def test_service_account_is_for_vertex():
    credential = read({**SERVICE_ACCOUNT, "location": "europe-west4"})
    assert (credential.kind, credential.projects, credential.location) == ("vertex", ["project-5"], "europe-west4")
    assert credential.service_account["private_key"] == "made-up-private-key"
    assert to_document(credential) == {**SERVICE_ACCOUNT, "location": "europe-west4"}


@pytest.mark.parametrize(
    "data", [b"AQ.test-key-1\ntest-key-2", b"AQ.test-key-1, test-key-2,", b"# mine\nAQ.test-key-1\n\ntest-key-2"]
)
def test_plain_keys_come_one_per_line_or_by_comma(data):
    credentials = read_credentials(data, "keys.txt")
    assert [(each.id, each.api_key) for each in credentials] == [
        ("keys-858319b0ad", "AQ.test-key-1"), ("keys-524197b76d", "test-key-2"),
    ]  # fmt: skip
    assert {each.kind for each in credentials} == {"gemini_api"}


@pytest.mark.parametrize("key", ["ya29.made-up-token", "eyJhbGciOiJI.made.up"])
def test_token_is_refused_as_a_key(key):
    with pytest.raises(FormError, match="not an API key"):
        read_credentials(key.encode())


def test_key_with_its_project_and_surface():
    assert read({"api_key": "test-key-1", "project": "p"}).projects == ["p"]
    vertex = read({"api_key": "test-key-1", "project": "p", "upstream": "vertex", "location": "us-east1"})
    assert (vertex.kind, vertex.location) == ("vertex_express", "us-east1")
    with pytest.raises(FormError, match="upstream"):
        read({"api_key": "test-key-1", "upstream": "code_assist"})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([GEMINI_CLI, GCLI2API, "test-key-1"]),
        "\n".join(map(json.dumps, [GEMINI_CLI, GCLI2API, {"api_key": "test-key-1"}])),
    ],
)
def test_array_and_lines_hold_several(text):
    credentials = read_credentials(text.encode(), "all.json")
    assert [(each.id, each.kind) for each in credentials] == [
        ("all-8bbf477a24", "code_assist"),
        ("all-b001d26c80", "code_assist"),
        (key_in("all", "test-key-1"), "gemini_api"),
    ]


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
@pytest.mark.parametrize(
    "inner",
    [
        json.dumps(GCLI2API).encode(),
        json.dumps([GCLI2API]).encode(),
        b"test-key-1",
        zipped({"a.json": json.dumps(GCLI2API)}),
    ],
)
def test_base64_of_a_form_is_that_form(encode, inner):
    (plain,), (coded,) = read_credentials(inner), read_credentials(encode(inner))
    assert identity(plain) == identity(coded)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", min_size=30, max_size=60))
def test_opaque_key_is_not_taken_for_base64(key):
    if not key.startswith("eyJ"):
        assert [each.api_key for each in read_credentials(key.encode())] == [key]


def test_same_credential_twice_is_one():
    same = {**GCLI2API, "token": "another-access", "client_id": ""}
    assert len(read_credentials(json.dumps([GCLI2API, same]).encode())) == 1


def test_ids_are_stable_and_give_no_secret_away():
    """Seed #8: an environment credential was a new file at each start."""
    first, second = (read_credentials(b"test-key-1")[0].id for _ in range(2))
    assert first == second
    assert "test" not in first


def test_file_name_becomes_a_harmless_id():
    """Seed #41: a file named like an HTML tag ran in the panel."""
    assert read(GCLI2API, "../<img onerror=x>.json").id == "_img_onerror_x_"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"installed": {"client_id": "x"}}, "OAuth client"),
        ({"type": "external_account"}, "workload identity"),
        ({"access_token": "made-up"}, "hour"),
        ({"active": "a@example.com"}, "no api_key, refresh_token or service account"),
        ({**GCLI2API, "client_id": 5}, "client_id: expected a string"),
        ({**GCLI2API, "scopes": [5]}, "scopes: expected a list"),
        ({"type": "service_account"}, "client_email"),
        (5, "neither JSON|API key"),
    ],
)
def test_what_is_no_credential_is_refused_with_the_reason(document, reason):
    with pytest.raises(FormError, match=reason):
        read(document)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b'{"a":', b"[" * 100_000, b"Read me first.\nThis is, no key."])
def test_garbage_is_refused_without_a_trace(data):
    with pytest.raises(FormError):
        read_credentials(data)


def test_each_refused_entry_is_reported_and_the_others_are_read():
    reading = scan(json.dumps([GCLI2API, {"a": 1}, GEMINI_CLI]).encode(), "all.json")
    assert [each.id for each in reading.credentials] == ["all-b001d26c80", "all-8bbf477a24"]
    assert [problem.entry for problem in reading.problems] == ["all.json, entry 2"]


def test_zip_is_read_and_its_bad_entries_are_reported():
    """Seed #11: no limits, and names that led out of the directory."""
    archive = zipped({
        "creds/a.json": json.dumps(GCLI2API),
        "other/a.json": json.dumps(GEMINI_CLI),
        "../evil.json": json.dumps(AUTHORIZED_USER),
        "/etc/evil.json": json.dumps(AUTHORIZED_USER),
        "c:\\evil.json": json.dumps(AUTHORIZED_USER),
        "README.md": "Hello there, and welcome.",
        "bomb.json": " " * 2_000_000,
        "inner.zip": zipped({"a.json": json.dumps(NESTED)}),
    })  # fmt: skip
    reading = scan(archive, "all.zip")
    assert len(reading.credentials) == 2
    assert len({each.id for each in reading.credentials}) == 2
    assert {problem.entry for problem in reading.problems} == {
        "../evil.json", "/etc/evil.json", "c:\\evil.json", "README.md", "bomb.json", "inner.zip",
    }  # fmt: skip


def test_zip_with_too_many_entries_is_refused_whole():
    with pytest.raises(FormError, match="more than 1000 entries"):
        read_credentials(zipped({f"{n}.json": "{}" for n in range(1001)}))


def test_zip_that_lies_about_sizes_is_refused():
    archive = bytearray(zipped({"a.json": " " * 20_000_000}))
    at = archive.rfind(b"PK\x01\x02")
    archive[at + 24 : at + 28] = (100).to_bytes(4, "little")
    assert scan(bytes(archive)).credentials == []


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_zip_is_reported_whatever_was_done_to_it(method):
    buffer, chance = io.BytesIO(), random.Random(1)
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.json", json.dumps(GCLI2API))
        archive.writestr("b", "made-up-key")
    for _ in range(1500):
        damaged = bytearray(buffer.getvalue())
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        scan(bytes(damaged), "damaged.zip")


@pytest.mark.parametrize("expiry", ["9" * 400, '"nan"', '"1e999"', '"next week"', "[]"])
def test_expiry_that_means_nothing_is_in_the_past(expiry):
    document = f'{{"refresh_token": "made-up", "expiry_date": {expiry}}}'
    (credential,) = scan(document.encode(), "a.json").credentials
    assert credential.expires_at == 0.0


def test_encrypted_zip_entry_is_refused():
    buffer = io.BytesIO(zipped({"a.json": json.dumps(GCLI2API)}))
    data = bytearray(buffer.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    assert zipfile.ZipFile(io.BytesIO(data)).infolist()[0].flag_bits & 1
    with pytest.raises(FormError, match="encrypted"):
        read_credentials(bytes(data))


def test_document_comes_back_as_it_was_but_for_what_changed():
    for document in (
        GEMINI_CLI,
        GCLI2API,
        AUTHORIZED_USER,
        NESTED,
        SERVICE_ACCOUNT,
        {"key": "test-key-1", "note": "x"},
    ):
        assert to_document(read(document)) == document


def test_refreshed_token_is_written_in_the_spelling_of_the_file():
    """Seed #40: a refresh rewrote the file without its scopes, token_uri and token."""
    cli, gcli = read(GEMINI_CLI), read(GCLI2API)
    for credential in (cli, gcli):
        credential.access_token, credential.expires_at = "made-up-new", NEW_YEAR + 3600
    assert to_document(cli) == {**GEMINI_CLI, "access_token": "made-up-new", "expiry_date": 1767229200000}
    assert to_document(gcli) == {**GCLI2API, "token": "made-up-new", "expiry": "2026-01-01T01:00:00"}


@pytest.mark.parametrize(("was", "written"), [("project_id", "found"), ("projects", ["found"])])
def test_found_project_is_written_where_projects_stand(was, written):
    credential = read({**GEMINI_CLI, was: "_auto" if was == "project_id" else ["_auto"]})
    credential.projects = ["found"]
    assert to_document(credential)[was] == written


def test_renewed_id_token_is_kept_with_the_rest():
    credential = read(GEMINI_CLI)
    data = json.dumps(GEMINI_CLI).encode()
    credential.extra["id_token"] = "made-up-new-id-token"
    assert json.loads(rewrite(data, 0, credential)) == {**GEMINI_CLI, "id_token": "made-up-new-id-token"}


def test_credential_made_in_code_reads_back_the_same():
    made = read({**GCLI2API, "upstream": "vertex", "email": "a@example.com"})
    made.extra = {}
    back = read(to_document(made))
    assert (identity(back), back.email, back.expires_at) == (identity(made), made.email, made.expires_at)


def test_one_of_several_is_rewritten_and_the_others_stay():
    for text in (json.dumps([GEMINI_CLI, GCLI2API]), f"{json.dumps(GEMINI_CLI)}\n{json.dumps(GCLI2API)}"):
        for data in (text.encode(), base64.b64encode(text.encode())):
            reading = scan(data, "all.json")
            second = reading.credentials[1]
            second.access_token = "made-up-new"
            after = scan(rewrite(data, reading.places[second.id], second), "all.json").credentials
            assert [each.access_token for each in after] == ["made-up-access-1", "made-up-new"]
            assert after[0].extra == GEMINI_CLI


def test_file_that_holds_another_credential_by_now_is_not_rewritten():
    credential = read(GCLI2API)
    credential.access_token = "made-up-new"
    with pytest.raises(FormError, match="another credential"):
        rewrite(json.dumps(GEMINI_CLI).encode(), 0, credential)
