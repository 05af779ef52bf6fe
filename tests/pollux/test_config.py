"""The configuration: everything wrong with it is said at once, at its place, in words that help."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pollux.config import Loaded, load
from pollux.pipelines import DEFAULT_STAGES
from pollux.problem import ConfigErrors, written
from pollux.settings import Settings
from pollux.source import Source

SHIPPED = Path(__file__).resolve().parents[2] / "proxy.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])


def configured(text: str, **environ: str) -> Loaded:
    Path("proxy.toml").write_text(textwrap.dedent(text), encoding="utf-8")
    return load(None, environ)


def refused(text: str, **environ: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        configured(text, **environ)
    return written(caught.value.problems, "text")


def names(loaded: Loaded, pipeline: str = "default") -> list[str]:
    return [config.name for config in loaded.pipelines[pipeline]]


def test_no_file_is_all_defaults() -> None:
    loaded = load(None, {})
    assert loaded.path is None
    assert loaded.settings == Settings()
    assert names(loaded) == list(DEFAULT_STAGES)
    assert loaded.warnings == []


def test_shipped_file_parses_to_exactly_the_defaults() -> None:
    shipped, default = load(SHIPPED, {}), load(None, {})
    assert shipped.settings == default.settings
    assert shipped.pipelines == default.pipelines
    assert shipped.routes == []


def test_shipped_file_shows_every_setting_and_every_option() -> None:
    written_in = Source.read(SHIPPED).tables
    pipeline = written_in.pop("pipeline")
    assert keys(written_in) == keys(msgspec.to_builtins(Settings()))
    for table, config in zip(pipeline, load(None, {}).pipelines["default"], strict=True):
        assert set(table) - {"stage"} == set(config.__struct_fields__), config.name


def keys(table: Any) -> Any:
    return {key: keys(value) for key, value in table.items()} if isinstance(table, dict) else None


def test_all_errors_come_at_once_and_in_the_order_of_the_file() -> None:
    text = """
        [server]
        prot = 1
        port = "7861"
        workers = 0
        engine = "hypercorm"
        cors = ["a", 1]

        [serving]

        [upstream.endpoints]
        gemini_api = "localhost:8080"

        [[pipeline]]
        stage = "auth"
        [[pipeline]]
        stage = "credentials"
        [[pipeline]]
        attempts = 3
        [[pipeline]]
        stage = "credential"
        attempts = "three"
        atempts = 3
    """
    assert refused(text).splitlines() == [
        "proxy.toml:3: server.prot: unknown key; did you mean 'port'?",
        "proxy.toml:4: server.port: expected int, got str",
        "proxy.toml:5: server.workers: expected int >= 1",
        (
            "proxy.toml:6: server.engine: expected one of 'hypercorn', 'granian', got 'hypercorm';"
            " did you mean 'hypercorn'?"
        ),
        "proxy.toml:7: server.cors: expected str, got int (at [1])",
        "proxy.toml:9: serving: unknown key; did you mean 'server'?",
        "proxy.toml:12: upstream.endpoints.gemini_api: expected an http:// or https:// URL",
        "proxy.toml:17: pipeline[1].stage: no stage named 'credentials'; did you mean 'credential'?",
        "proxy.toml:18: pipeline[2]: expected a table with the name of a stage: stage = NAME",
        "proxy.toml:22: pipeline[3].attempts: expected int, got str",
        "proxy.toml:23: pipeline[3].atempts: unknown key; did you mean 'attempts'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nport = \n", "proxy.toml:2: Invalid value"),
        ("[server]\n[server]\n", "proxy.toml:2: Cannot declare ('server',) twice"),
        ("server = 3\n", "proxy.toml:1: server: expected a table, got int"),
        ('pipeline = "auth"\n', "proxy.toml:1: pipeline: expected a list of tables: write [[pipeline]]"),
        ("pipelines = 1\n", "proxy.toml:1: pipelines: expected tables: write [pipelines.NAME]"),
        ("route = 1\n", "proxy.toml:1: route: expected a list of tables: write [[route]]"),
    ],
)
def test_text_that_is_no_configuration_says_where(text: str, message: str) -> None:
    assert message in refused(text)


def test_file_that_does_not_exist_or_is_not_utf8_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"^none\.toml: No such file or directory$"):
        load("none.toml", {})
    Path("latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigErrors, match=r"^latin\.toml: not UTF-8: byte 5 is 0xe9$"):
        load("latin.toml", {})


def test_order_that_cannot_work_is_refused_at_the_stage() -> None:
    text = """
        [[pipeline]]
        stage = "credential"
        [[pipeline]]
        stage = "format"
        [[pipeline]]
        stage = "transform"
    """
    assert refused(text).splitlines() == [
        "proxy.toml:2: pipeline: no stage 'upstream': nothing would answer",
        "proxy.toml:2: pipeline[0]: 'credential' needs 'model', which no stage above it gives: move 'format' above it",
        (
            "proxy.toml:2: pipeline[0]: 'credential' needs 'operation', which no stage above it gives:"
            " move 'format' above it"
        ),
    ]


def test_derived_pipeline_removes_and_inserts_in_order() -> None:
    loaded = configured("""
        [pipelines.quick]
        remove = ["credential", "usage"]
        insert = [
          { before = "upstream", stage = "credential", attempts = 1 },
          { after = "transform", stage = "usage" },
        ]
        [pipelines.quicker]
        extends = "quick"
        remove = ["thoughts"]
    """)
    order = [name for name in DEFAULT_STAGES if name not in ("usage", "thoughts")]
    order.insert(order.index("transform") + 1, "usage")
    assert names(loaded, "quicker") == order
    assert names(loaded) == list(DEFAULT_STAGES)
    attempts = {
        name: msgspec.to_builtins(each)["attempts"]
        for name in loaded.pipelines
        for each in loaded.pipelines[name]
        if each.name == "credential"
    }
    assert attempts == {"default": 4, "quick": 1, "quicker": 1}


def test_derived_pipeline_that_cannot_be_made_says_why() -> None:
    text = """
        [pipelines.a]
        extends = "defualt"
        remove = ["credentials"]
        insert = [
          { after = "auht", stage = "usage" },
          { stage = "usage" },
          { after = "usage", stage = "usage", speed = 1 },
        ]
        [pipelines.b]
        extends = "c"
        [pipelines.c]
        extends = "b"
        [pipelines.d]
        remove = ["upstream"]
        [pipelines.default]
    """
    assert refused(text).splitlines() == [
        "proxy.toml:3: pipelines.a.extends: no pipeline named 'defualt'; did you mean 'default'?",
        "proxy.toml:4: pipelines.a.remove[0]: no stage 'credentials' in pipeline 'defualt'; did you mean 'credential'?",
        "proxy.toml:6: pipelines.a.insert[0].after: no stage 'auht' in pipeline 'defualt'; did you mean 'auth'?",
        "proxy.toml:7: pipelines.a.insert[1]: say where: either before = STAGE or after = STAGE",
        "proxy.toml:8: pipelines.a.insert[2].speed: unknown key",
        "proxy.toml:13: pipelines.c.extends: b extends c extends b: a circle",
        "proxy.toml:14: pipelines.d: no stage 'upstream': nothing would answer",
        (
            "proxy.toml:14: pipelines.d: 'thoughts' needs 'reply', which no stage above it gives: no stage of this"
            " pipeline does"
        ),
        "proxy.toml:16: pipelines.default: the default pipeline is written as [[pipeline]]",
    ]


def test_misorder_of_an_inherited_stage_is_the_heirs_fault() -> None:
    assert refused('[server]\n[pipelines.d]\nremove = ["credential"]\n') == (
        "proxy.toml:2: pipelines.d: 'upstream' needs 'leases', which no stage above it gives: no stage of this"
        " pipeline does"
    )


def test_route_takes_the_first_that_fits() -> None:
    loaded = configured("""
        [pipelines.a]
        [pipelines.b]
        [[route]]
        match = { path = "/v1/chat/*", model = "gemini-*-lite" }
        pipeline = "a"
        [[route]]
        match = { model = "gemini-3*" }
        pipeline = "b"
    """)
    assert loaded.pipeline("/v1/chat/completions", "gemini-3-lite") == "a"
    assert loaded.pipeline("/v1/messages", "gemini-3-lite") == "b"
    assert loaded.pipeline("/v1/messages", "gemini-2") == "default"


def test_route_that_leads_nowhere_is_refused() -> None:
    text = """
        [pipelines.chat]
        [[route]]
        match = { path = 1, modle = "x" }
        pipeline = "chat"
        [[route]]
        match = {}
        pipeline = "chad"
        [[route]]
        pipeline = "chat"
    """
    assert refused(text).splitlines() == [
        "proxy.toml:4: route[0].match.path: expected str, got int",
        "proxy.toml:4: route[0].match.modle: unknown key; did you mean 'model'?",
        "proxy.toml:8: route[1].pipeline: no pipeline named 'chad'; did you mean 'chat'?",
        "proxy.toml:9: route[2]: 'match' is missing",
    ]


def test_environment_overrides_the_file_and_locks_the_setting() -> None:
    loaded = configured('[server]\nport = 1\n[logging]\nlevel = "error"\n', PORT="8085", LOG_LEVEL="DEBUG")
    assert (loaded.settings.server.port, loaded.settings.logging.level) == (8085, "debug")
    assert loaded.locks == {"server.port": "PORT", "logging.level": "LOG_LEVEL"}


def test_environment_sets_options_of_stages() -> None:
    loaded = load(None, {"RETRY_429_MAX_RETRIES": "5", "RETRY_429_INTERVAL": "0.5"})
    credential = next(each for each in loaded.pipelines["default"] if each.name == "credential")
    assert msgspec.to_builtins(credential) == {"attempts": 6, "pause": 0.5}
    index = DEFAULT_STAGES.index("credential")
    assert loaded.locks == {
        f"pipeline[{index}].attempts": "RETRY_429_MAX_RETRIES",
        f"pipeline[{index}].pause": "RETRY_429_INTERVAL",
    }


def test_wrong_value_in_the_environment_names_the_variable() -> None:
    assert refused("[server]\nport = 1", PORT="http", AUTO_BAN="maybe", GEMINI_API_ENDPOINT="x").splitlines() == [
        "environment: AUTO_BAN: expected true or false, got 'maybe'",
        "environment: PORT: expected int, got str",
        "environment: GEMINI_API_ENDPOINT: expected an http:// or https:// URL",
    ]


def test_variable_in_a_string_expands_also_to_a_number() -> None:
    text = '[auth]\napi_password = "${SECRET}-$${LITERAL}"\n[server]\nport = "${WEB_PORT:?say which}"\n'
    loaded = configured(text, SECRET="s3", WEB_PORT="80")
    assert loaded.settings.auth.api_password == "s3-${LITERAL}"
    assert loaded.settings.server.port == 80


def test_variable_that_is_missing_is_an_error_only_where_asked_for() -> None:
    asked = '[auth]\napi_password = "${SECRET:?set SECRET in .env}"\npanel_password = "${OTHER:?}"\n'
    assert refused(asked).splitlines() == [
        "proxy.toml:2: auth.api_password: set SECRET in .env",
        "proxy.toml:3: auth.panel_password: OTHER must be set",
    ]
    loaded = configured('[auth]\napi_password = "${SECRET}"\n')
    assert written(loaded.warnings, "text") == (
        "warning: proxy.toml:2: auth.api_password: SECRET is not set and stands for nothing"
    )


@pytest.mark.parametrize("word", ["pwd", "UNSAFE-KEY-REPLACE", "123456", "admin-secret", "changeme"])
def test_well_known_password_is_refused_where_others_can_reach_it(word: str) -> None:
    text = f'[server]\nhost = "0.0.0.0"\n[auth]\napi_password = "{word}"\n'
    assert refused(text) == (
        "proxy.toml:4: auth.api_password: a well-known password, and 0.0.0.0 is not loopback: choose another"
    )
    assert (
        refused("", HOST="::", PASSWORD=word).splitlines()
        == ["environment: PASSWORD: a well-known password, and :: is not loopback: choose another"] * 2
    )
    assert configured("", PASSWORD=word).settings.auth.panel_password == word


def test_store_of_an_unknown_kind_is_refused_and_not_silently_ignored() -> None:
    assert refused("", REDIS_URI="mysql://localhost") == (
        "environment: REDIS_URI: expected a redis://, postgresql:// or mongodb:// URL"
    )


def test_secrets_never_show_in_a_repr() -> None:
    text = '[auth]\napi_password = "hush"\n[oauth]\nclient_secret = "hush"\n[upstream]\nproxy = "http://u:hush@h:1"\n'
    assert "hush" not in repr(configured(text).settings)


def test_stage_beside_the_configuration_is_found(tmp_path: Path) -> None:
    Path("beside_stages.py").write_text(
        "from pipeline.stage import StageConfig\n\n"
        "class Mark(StageConfig, frozen=True):\n    name = 'mark'\n    word: str\n\n"
        "    def __post_init__(self):\n        if not self.word:\n            raise ValueError('word is empty')\n"
    )
    text = '[pipelines.own]\ninsert = [{{ after = "auth", stage = "beside_stages:Mark"{} }}]\n'
    assert names(configured(text.format(', word = "x"')), "own")[1] == "mark"
    assert refused(text.format("")) == "proxy.toml:2: pipelines.own.insert[0]: 'word' is missing"
    assert refused(text.format(', word = ""')) == "proxy.toml:2: pipelines.own.insert[0]: word is empty"
