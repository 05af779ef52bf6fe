"""Where an installed gemini-cli is looked for; the ids here are made up and too short to be real."""

from __future__ import annotations

import pytest

from adapters.gemini_cli import MAX_FILES, find_client

ID = "1234567-madeup.apps.googleusercontent.com"
SECRET = "GOCSPX-" + "made-up"
SOURCE = f'const OAUTH_CLIENT_ID = "{ID}";\nconst OAUTH_CLIENT_SECRET = "{SECRET}";\n'
OTHER = f'const OTHER_ID = "9-other.apps.googleusercontent.com";\nvar OTHER_SECRET = "{SECRET}x";\n'

MODULE = "@google/gemini-cli-core/dist/src/code_assist/oauth2.js"
BUNDLE = "@google/gemini-cli/bundle/chunk-ABC.js"


def install(root, place, text=SOURCE):
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("prefix", "place"),
    [
        ("", MODULE),
        ("", "@google/gemini-cli/node_modules/" + MODULE),
        ("", BUNDLE),
        ("v22.1.0/lib/node_modules/", MODULE),
    ],
)
def test_client_is_found_where_installers_put_it(tmp_path, prefix, place):
    install(tmp_path, prefix + place)
    root = f"{tmp_path}/*/lib/node_modules" if prefix else str(tmp_path)
    client = find_client({}, [root])
    assert client is not None
    assert (client.id, client.secret) == (ID, SECRET)


def test_other_clients_in_the_bundle_are_not_taken(tmp_path):
    install(tmp_path, "@google/gemini-cli/bundle/chunk-AAA.js", OTHER)
    assert find_client({}, [str(tmp_path)]) is None
    install(tmp_path, BUNDLE, OTHER + SOURCE.replace('"', "'").replace(" = ", "="))
    client = find_client({}, [str(tmp_path)])
    assert client is not None
    assert client.id == ID


def test_npms_own_prefix_is_looked_into_first(tmp_path):
    install(tmp_path / "lib/node_modules", MODULE)
    assert find_client({"NPM_CONFIG_PREFIX": str(tmp_path)}, []) is not None


def test_search_is_bounded(tmp_path):
    for number in range(MAX_FILES):
        install(tmp_path, f"@google/gemini-cli/bundle/chunk-{number:04}.js", "")
    install(tmp_path, "@google/gemini-cli/bundle/chunk-ZZZ.js")
    assert find_client({}, [str(tmp_path)]) is None


def test_nothing_installed_is_no_error(tmp_path):
    (tmp_path / BUNDLE).mkdir(parents=True)
    assert find_client({}, [str(tmp_path), "/no/such/place"]) is None
