"""A listener that closes while callers come loses none of those it has accepted."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
import warnings
from contextlib import closing, suppress

from adapters.listening import stop_listening


async def close_while_callers_come() -> None:
    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address, done = server.sockets[0].getsockname(), threading.Event()

    def knock() -> None:
        while not done.is_set():
            with suppress(OSError), closing(socket.create_connection(address, 1)):
                continue
            time.sleep(0.0005)

    callers = [threading.Thread(target=knock) for _ in range(2)]
    for caller in callers:
        caller.start()
    await asyncio.sleep(0.01)
    await stop_listening(server)
    done.set()
    for caller in callers:
        await asyncio.to_thread(caller.join)
    await asyncio.sleep(0.01)


def test_no_accepted_connection_is_left_to_the_garbage_collector() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(5):
            asyncio.run(close_while_callers_come())
        gc.collect()
    assert [str(each.message) for each in said] == []
