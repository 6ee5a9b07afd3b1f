"""`kill -9` around a token refresh, which cannot be repeated: what was stored is used, what was lost is said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator

import pytest

from tests.chaos.harness import Program, until
from tests.contract.platforms import zalo_oa_channel
from tests.fakes.zalo_oa import FakeZaloOa

WHO = "5200000000000000042"

pytestmark = pytest.mark.crash


@pytest.fixture
async def zalo(program: Program) -> AsyncIterator[FakeZaloOa]:
    fake = await FakeZaloOa().start()
    fake.echoes = False
    fake.webhook = f"http://127.0.0.1:{program.port}/webhooks/zalo-oa/zalo"
    written = zalo_oa_channel(fake, program.folder)
    keys = "".join(f"    {name}: '{value}'\n" for name, value in written.items() if name != "name")
    (program.folder / "config.yaml").write_text(
        f"var: var\nlisten: 127.0.0.1:{program.port}\nchannels:\n  - name: zalo\n{keys}log: {{level: error}}\n"
    )
    yield fake
    await fake.stop()


async def killed_while_refreshing(program: Program, failpoint: str) -> None:
    await program.start(failpoint=f"{failpoint}:kill")
    assert await program.died() == -signal.SIGKILL, program.said()


def alarms(program: Program) -> str:
    with contextlib.closing(sqlite3.connect(program.var / "data.db", timeout=5)) as connection:
        row = connection.execute("SELECT value FROM settings WHERE name = 'alarms'").fetchone()
    return row[0] if row else ""


async def test_tokens_that_were_stored_are_used_after_the_crash(program: Program, zalo: FakeZaloOa) -> None:
    await killed_while_refreshing(program, "tokens.stored")
    assert zalo.refreshes == 1
    await program.start()
    assert await zalo.types(WHO, "chào") == 200
    await until(lambda: bool(zalo.of(WHO)), 20, "an answer")
    assert await program.stop() == 0
    assert zalo.refreshes == 1
    assert zalo.violations == []
    assert "token-lost" not in alarms(program)


@pytest.mark.skipif(os.environ.get("CHAOS") != "full", reason="waits for a lease to run out: make chaos")
async def test_tokens_that_died_with_us_ring_an_alarm_and_messages_are_kept(program: Program, zalo: FakeZaloOa) -> None:
    await killed_while_refreshing(program, "tokens.called")
    await program.start()
    await until(lambda: "token-lost" in alarms(program), 60, "the alarm")
    assert await zalo.types(WHO, "chào") == 200, "she is heard, although nobody can answer her yet"
    (program.folder / "zalo-refresh").write_text("a-new-one-from-the-console")
    zalo.refresh = "a-new-one-from-the-console"
    await until(lambda: bool(zalo.of(WHO)), 90, "an answer, without a restart")
    await until(lambda: "token-lost" not in alarms(program), 20, "the alarm is over")
    await asyncio.sleep(0)
    assert await program.stop() == 0
