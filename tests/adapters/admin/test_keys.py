"""Client API keys through the admin API: what is changed holds for the next request."""

from __future__ import annotations

from tests.adapters.admin.visitor import visiting


async def test_key_is_shown_once_and_serves_until_revoked(tmp_path):
    async with visiting(tmp_path) as visitor:
        made = await visitor.ask("POST", "/api/v1/keys", {"description": "a friend", "models": ["gemini-2.5-*"]})
        assert made.status == 201
        secret, name = made.document["secret"], made.document["key"]["id"]
        assert (await visitor.chat(secret)).status == 200
        assert (await visitor.chat(secret, model="gemini-3-pro-preview")).status == 403
        for path in ("/api/v1/keys", f"/api/v1/keys/{name}", f"/api/v1/keys/{secret}"):
            shown = await visitor.ask("GET", path)
            assert shown.status == 200
            assert secret not in shown.body.decode()
        assert secret not in repr(await visitor.running.house.state.load("key"))
        changed = await visitor.ask("PATCH", f"/api/v1/keys/{name}", {"enabled": False})
        assert changed.document["description"] == "a friend"
        assert (await visitor.chat(secret)).status == 403
        assert (await visitor.ask("DELETE", f"/api/v1/keys/{name}")).status == 204
        assert (await visitor.chat(secret)).status == 401
        assert (await visitor.ask("DELETE", f"/api/v1/keys/{name}")).status == 404


async def test_cost_set_here_holds_until_unset(tmp_path):
    async with visiting(tmp_path) as visitor:
        made = (await visitor.ask("POST", "/api/v1/keys", {"total_quota": 10})).document
        await visitor.ask("PUT", "/api/v1/costs/gemini-2.5-flash", {"cost": 9})
        assert (await visitor.chat(made["secret"])).status == 200
        assert (await visitor.chat(made["secret"])).status == 429
        costs = {each["model"]: each for each in (await visitor.ask("GET", "/api/v1/costs")).document["costs"]}
        assert costs["gemini-2.5-flash"] == {"model": "gemini-2.5-flash", "cost": 9, "set_here": True}
        assert (await visitor.ask("DELETE", "/api/v1/costs/gemini-2.5-flash")).status == 204
        assert (await visitor.ask("DELETE", "/api/v1/costs/gemini-2.5-flash")).status == 404


async def test_key_that_cannot_be_is_refused_by_field(tmp_path):
    async with visiting(tmp_path) as visitor:
        wrong = await visitor.ask("POST", "/api/v1/keys", {"total_quota": -1})
        assert wrong.status == 422
        assert wrong.document["error"]["field"] == "total_quota"
