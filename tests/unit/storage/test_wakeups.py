"""Rings reach whoever waits, from any thread; one that nobody heard is remembered once."""

from __future__ import annotations

import asyncio
import threading
import time

from storage.wakeups import REMEMBERED, LocalWakeups


async def test_everybody_who_waits_is_woken_from_another_thread() -> None:
    wakeups = LocalWakeups()
    waiting = [asyncio.create_task(wakeups.wait("outbox", 5)) for _ in range(3)]
    other = asyncio.create_task(wakeups.wait("desk", 0.05))
    await asyncio.sleep(0)
    started = time.monotonic()
    threading.Thread(target=wakeups.ring, args=("outbox",)).start()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert time.monotonic() - started < 2
    assert await other is False


async def test_a_ring_nobody_heard_is_remembered_once() -> None:
    wakeups = LocalWakeups()
    wakeups.ring("inbox", "inbox")
    assert await wakeups.wait("inbox", 0) is True
    assert await wakeups.wait("inbox", 0.01) is False


async def test_who_goes_away_is_forgotten() -> None:
    wakeups = LocalWakeups()
    task = asyncio.create_task(wakeups.wait("inbox", 5))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert wakeups._waiting == {}
    wakeups.ring("inbox")
    assert await wakeups.wait("inbox", 0) is True


def test_rings_for_nobody_do_not_pile_up() -> None:
    wakeups = LocalWakeups()
    for number in range(REMEMBERED + 10):
        wakeups.ring(f"seeker:{number}")
    assert len(wakeups._missed) == REMEMBERED


def test_a_ring_for_a_closed_loop_harms_nobody() -> None:
    wakeups = LocalWakeups()

    async def wait_and_leave() -> None:
        wakeups._waiting["inbox"] = [asyncio.get_running_loop().create_future()]

    asyncio.run(wait_and_leave())
    wakeups.ring("inbox")
