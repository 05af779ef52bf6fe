"""`/auth/callback`: where Google leads the browser back to, when it runs on this machine."""

from html import escape

from adapters.admin.adoption import Wish
from adapters.admin.ask import Ask
from adapters.admin.operation import Operation, Page, Refusal

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pollux</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>{title}</h1><p>{text}</p><p>You may close this page. 可以关闭此页面。</p></main></body></html>
"""
_WHY = {"choose": "Choose a project in the console.", "pending": "This login is being finished elsewhere."}


async def called_back(ask: Ask) -> Page:
    """Finish a login, and say to the person at the browser whether it went well.

    Nobody is asked for a session: the state in the address is known to who began the login and to Google.
    """
    ask.guard.slow_down(ask.client)
    try:
        outcome = await ask.office.logins.finish(f"?{ask.connection.url.query}", Wish())
    except Refusal as exc:
        return _page(exc.status, "Not logged in 登录失败", exc.message)
    if outcome.status == "completed":
        return _page(200, "Logged in 登录成功", outcome.email)
    if outcome.status == "failed":
        return _page(400, "Not logged in 登录失败", "Google did not let this account be used here.")
    return _page(200, "Almost done 即将完成", _WHY[outcome.status])


def _page(status: int, title: str, text: str) -> Page:
    document = _PAGE.format(title=escape(title), text=escape(text))
    return Page(document.encode(), status, "text/html; charset=utf-8")


OPERATIONS = (Operation(method="GET", path="/auth/callback", run=called_back, door="public", seed=True),)
