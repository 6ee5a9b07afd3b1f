"""Stopping, starting twice, a full disk, a platform that is away: each says what it is, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import time

import aiohttp
import pytest

from bot.channels.webchat import new_token
from tests.chaos.checker import check
from tests.chaos.harness import FIRST_CHAT, ROOT, Load, Program, until
from tests.fakes.telegram import Fault

pytestmark = pytest.mark.crash

STOP_WITHIN_S = 5.0


def _serve(program: Program, **given: object) -> subprocess.Popen[str]:
    """The program as an operator starts it, without the launcher."""
    argv = [sys.executable, "-m", "bot", "serve", "--config", str(program.folder / "config.yaml")]
    return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **given)  # type: ignore[call-overload,no-any-return]


async def test_sigterm_under_load_ends_within_seconds_with_one_line_and_a_second_start_is_refused(
    program: Program,
) -> None:
    program.prepare(log_level="error")  # its standard error is asked to stay empty
    load = Load(program.fake, chats=6, seed=2)
    process = _serve(program)
    assert process.stdout is not None
    assert process.stderr is not None
    assert "Bình An is running." in await asyncio.to_thread(process.stdout.readline)

    second = _serve(program)
    said, complained = await asyncio.to_thread(second.communicate, None, 60)
    assert (second.returncode, said) == (2, "")
    assert "Another `serve` is running" in complained
    assert complained.count("\n") == 1

    load.write(60)
    await until(lambda: len(program.fake.sent) > 3, 20, "it is at work")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said, complained = await asyncio.to_thread(process.communicate, None, 30)
    assert time.monotonic() - began < STOP_WITHIN_S
    assert process.returncode == 0
    assert said.splitlines()[-1] == "Bình An has stopped; nothing that was accepted is lost."
    assert complained == ""
    sent = len(program.fake.sent)
    await asyncio.sleep(0.3)
    assert len(program.fake.sent) == sent, "it still sends after its end"

    await program.start()
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    assert count.wrong() == {}
    assert count.surplus == 0, "a graceful stop doubles nothing"


async def test_a_full_disk_is_said_at_once_and_nothing_is_lost_when_there_is_room_again(program: Program) -> None:
    load = Load(program.fake, chats=3, seed=3)
    await program.start()
    load.write(4)
    await program.drained()
    kept = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
    full_at = (program.var / "data.db-wal").stat().st_size
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (full_at, kept[1]))  # no file may grow any more

    async with aiohttp.ClientSession() as http:
        form = {"token": new_token(), "mid": "kept-by-the-page", "text": "em cần giúp"}
        page, asked = f"http://127.0.0.1:{program.port}/", {"Accept": "application/json"}
        statuses: list[int] = []
        for number in range(60):  # the log file is used again from its start, so that some still fit
            began = time.monotonic()
            async with http.post(page, data={**form, "mid": f"key-number-{number}"}, headers=asked) as answer:
                statuses.append(answer.status)
            assert time.monotonic() - began < 5
            if answer.status == 503:
                break
        assert statuses[-1] == 503
        load.write(5)
        await asyncio.sleep(1.0)
        assert program.fake.unconfirmed() > 0, "the platform keeps what we could not store"
        assert program.launcher.code(program.pid) is None, "it lives on"

        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, kept)
        for _ in range(20):
            async with http.post(page, data=form, headers=asked) as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.2)
        assert answer.status == 200
    await until(lambda: program.fake.unconfirmed() == 0, 30, "the platform's updates are taken")
    await until(lambda: all(program.fake.of(chat) for chat in load.written), 30, "everybody is answered")
    await program.drained()
    assert await program.stop() == 0
    assert (await check(program, load)).wrong() == {}


async def test_a_platform_that_is_away_for_a_while_gets_everything_in_order(program: Program) -> None:
    load = Load(program.fake, chats=3, seed=4)
    await program.start()
    load.write(3)
    await program.drained()
    program.fake.away = True
    load.write(9)
    await asyncio.sleep(1.5)
    program.fake.faults.extend(Fault(kind, 1) for kind in ("reset", "lost", "429"))
    program.fake.away = False
    load.write(6)
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    assert count.wrong() == {}
    assert count.surplus <= 1, "only the lost answer may be repeated"
    assert program.fake.violations == []


async def test_one_who_floods_does_not_delay_the_others(program: Program) -> None:
    await program.start()

    async def answered(after: int) -> float:
        """Seconds until each of ten who write for the first time has an answer; the slowest."""
        began = time.monotonic()
        others = range(FIRST_CHAT + 1 + 10 * after, FIRST_CHAT + 11 + 10 * after)
        for chat in others:
            program.fake.types(chat, f"chào {after}")
        await until(lambda: all(program.fake.of(chat) for chat in others), 60, "all are answered")
        return time.monotonic() - began

    await answered(0)
    await program.drained()
    calm = await answered(1)
    await program.drained()
    for number in range(2000):
        program.fake.types(FIRST_CHAT, f"tin {number}")
    await until(lambda: program.fake.unconfirmed() < 1000, 60, "the flood is coming in")
    flooded = await answered(2)
    assert flooded - calm < 5.0, json.dumps({"calm": calm, "flooded": flooded})  # 1 s, with five-fold slack
