"""The admin application, made when it is first asked for: who only proxies does not pay for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.asgi import Admin


class LazyAdmin:
    """An ASGI application that makes the admin application at the first request.

    Shape: `make` imports what is needed; it runs in a thread, so that nobody else waits for it.
    """

    def __init__(self, make: Callable[[], Callable[[], Admin]]) -> None:
        self._make = make
        self._app: Admin | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if self._app is None:
            async with self._making:
                if self._app is None:
                    self._app = (await asyncio.to_thread(self._make))()
        await self._app(scope, receive, send)
