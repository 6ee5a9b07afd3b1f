"""A server that closes while somebody is coming in: she is let in or turned away, not left with a line that nobody holds."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings

from aiohttp import web

from bot.web.runner import Runner


async def test_who_comes_in_while_the_doors_close_is_not_left_on_an_open_line() -> None:
    runner = Runner(web.Application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        comer = socket.create_connection(runner.addresses[0])
        for _ in range(2):  # the loop has accepted her, and has not made a connection of it yet
            await asyncio.sleep(0)
        await runner.cleanup()
        await asyncio.sleep(0)
        gc.collect()
    comer.settimeout(5)
    assert await asyncio.to_thread(comer.recv, 1) == b"", "she is told that nobody is there"
    comer.close()
    assert [str(one.message) for one in said] == []
