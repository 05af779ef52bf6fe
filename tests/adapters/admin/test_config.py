"""The configuration through the admin API: saved with its comments, applied at once, all or nothing (defect 42)."""

from __future__ import annotations

from tests.adapters.admin.visitor import visiting

TEXT = """# ours
[scheduling]
calls_per_rotation = 4 # [CALLS_PER_ROTATION] calls before it is the next one's turn

[[pipeline]]
stage = "auth"
[[pipeline]]
stage = "format"
[[pipeline]]
stage = "model-suffix"
[[pipeline]]
stage = "thinking"
[[pipeline]]
stage = "credential" # whose right is used
attempts = 2
[[pipeline]]
stage = "upstream"
[[pipeline]]
stage = "transform"
[[pipeline]]
stage = "thoughts"
show = true # or not
"""


def by_path(document):
    return {each["path"]: each for each in document["settings"]}


async def test_settings_say_all_that_an_editor_needs(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        settings = by_path((await visitor.ask("GET", "/api/v1/config")).document)
        calls = settings["scheduling.calls_per_rotation"]
        assert (calls["value"], calls["default"], calls["type"], calls["is_set"]) == (4, 10, "integer", True)
        assert calls["help"] == "calls before it is the next one's turn"
        assert settings["server.port"]["locked_by"] == "PORT"
        assert settings["server.workers"]["restart"]
        assert settings["logging.level"]["choices"] == ["debug", "info", "warning", "error"]
        password = settings["auth.api_password"]
        assert (password["value"], password["secret"], password["is_set"]) == (None, True, True)
        show = settings["pipeline[7].show"]
        assert (show["group"], show["value"], show["type"]) == ("thoughts", True, "boolean")


async def test_saved_setting_holds_for_the_next_request_and_keeps_the_comments(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        answer = (await visitor.chat()).document
        assert "reasoning_content" in answer["choices"][0]["message"]
        changes = {"pipeline[7].show": False, "scheduling.calls_per_rotation": 7, "server.grace": 5.0}
        saved = (await visitor.ask("PATCH", "/api/v1/config", {"changes": changes})).document
        assert saved["ok"]
        assert set(saved["applied"]) == {"pipeline[7].show", "scheduling.calls_per_rotation"}
        assert saved["restart_needed"] == ["server.grace"]
        answer = (await visitor.chat()).document
        assert "reasoning_content" not in answer["choices"][0]["message"]
        text = (tmp_path / "proxy.toml").read_text()
        assert "show = false # or not" in text
        assert "calls_per_rotation = 7 # [CALLS_PER_ROTATION]" in text
        assert text.startswith("# ours\n")
        assert (await visitor.ask("GET", "/api/v1/config")).document["restart_needed"] == ["server.grace"]


async def test_one_error_saves_nothing_and_is_told_in_place(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        changes = {"scheduling.calls_per_rotation": 7, "pipeline[4].attempts": "many", "server.grrace": 1}
        checked = (await visitor.ask("POST", "/api/v1/config/check", {"changes": changes})).document
        assert {each["path"] for each in checked["problems"]} == {"pipeline[4].attempts", "server.grrace"}
        saved = (await visitor.ask("PATCH", "/api/v1/config", {"changes": changes})).document
        assert not saved["ok"]
        assert "did you mean 'grace'" in str(saved["problems"])
        assert (tmp_path / "proxy.toml").read_text() == TEXT


async def test_what_the_environment_locks_is_skipped(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        changes = {"server.host": "0.0.0.0", "logging.level": "debug"}
        saved = (await visitor.ask("PATCH", "/api/v1/config", {"changes": changes})).document
        assert (saved["skipped"], saved["applied"]) == (["server.host"], ["logging.level"])
        assert "0.0.0.0" not in (tmp_path / "proxy.toml").read_text()


async def test_null_takes_a_setting_out(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        await visitor.ask("PATCH", "/api/v1/config", {"changes": {"scheduling.calls_per_rotation": None}})
        settings = by_path((await visitor.ask("GET", "/api/v1/config")).document)
        assert settings["scheduling.calls_per_rotation"]["value"] == 10


async def test_option_of_a_default_stage_finds_a_place(tmp_path):
    async with visiting(tmp_path) as visitor:
        settings = by_path((await visitor.ask("GET", "/api/v1/config")).document)
        path = next(each["path"] for each in settings.values() if each["group"] == "thoughts")
        saved = (await visitor.ask("PATCH", "/api/v1/config", {"changes": {path: False}})).document
        assert (saved["ok"], saved["applied"]) == (True, [path])
        assert "reasoning_content" not in (await visitor.chat()).document["choices"][0]["message"]


async def test_pipelines_are_shown_in_order_with_what_is_idle(tmp_path):
    async with visiting(tmp_path, config=TEXT) as visitor:
        (pipeline,) = (await visitor.ask("GET", "/api/v1/pipelines")).document["pipelines"]
        stages = {each["stage"]: each for each in pipeline["stages"]}
        assert list(stages)[:2] == ["auth", "format"]
        assert [each["half"] for each in stages.values()] == [*["request"] * 5, "upstream", *["reply"] * 2]
        assert stages["credential"]["options"]["attempts"] == 2
        assert stages["credential"]["defaults"]["attempts"] == 4
        assert stages["thoughts"]["idle"]
        assert not stages["auth"]["idle"]
