"""With nobody who looks at timers, somebody outside hears it: the real program with that mistake in it, and its auditor.

In `make test` with an auditor that looks ten times as often, in `make chaos` as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from tests.chaos.harness import FIRST_CHAT, IN_DANGER, Program, until

FULL = os.environ.get("CHAOS") == "full"
PROMISED_S = 60.0
FIRST_NOTICE_S = 20.0  # until then nothing is due that an idle ticker could leave undone

pytestmark = pytest.mark.crash


@dataclass
class Outside:
    """Who gets alarms: when each code was first told, monotonic."""

    told: dict[str, float] = field(default_factory=dict)
    pings: int = 0
    base: str = ""

    async def alarm(self, request: web.Request) -> web.Response:
        for one in (await request.json())["findings"]:
            self.told.setdefault(one["code"], time.monotonic())
        return web.Response()

    async def ping(self, request: web.Request) -> web.Response:
        self.pings += 1
        return web.Response()


@pytest.fixture
async def outside(program: Program) -> AsyncIterator[Outside]:
    there, app = Outside(), web.Application()
    app.router.add_post("/alarm", there.alarm)
    app.router.add_get("/ping", there.ping)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for name in ("alarm", "ping"):
        (program.folder / f"{name}-url").write_text(f"{there.base}/{name}")
    with (program.folder / "config.yaml").open("a") as config:
        config.write(
            f"auditor: {{alarm_url: 'file:{program.folder}/alarm-url', ping_url: 'file:{program.folder}/ping-url'}}\n"
        )
    yield there
    await runner.cleanup()


waits = pytest.mark.skipif(not FULL, reason="waits for something to become due: make chaos")


@pytest.mark.parametrize(
    ("mistake", "code"),
    [("no-ticker", "no-timers"), pytest.param("idle-ticker", "escalation-overdue", marks=waits)],
)
async def test_without_a_ticker_somebody_outside_hears_it(
    program: Program, outside: Outside, mistake: str, code: str
) -> None:
    await program.start(mistake=mistake if FULL else f"{mistake}:hurried")
    began = time.monotonic()
    program.fake.types(FIRST_CHAT, IN_DANGER.format(number=1000, chat=FIRST_CHAT))
    due_in_s = FIRST_NOTICE_S if mistake == "idle-ticker" else 0.0
    await until(lambda: code in outside.told, due_in_s + 2 * PROMISED_S, f"the alarm {code}")
    took = outside.told[code] - began - due_in_s
    assert await program.stop() == 0
    how = "as it is" if FULL else "looking ten times as often"
    print(
        f"figure: {mistake} on purpose, auditor {how}: the alarm {code} arrived outside {took:.1f} s after it could be known"
    )
    assert took < PROMISED_S
    if mistake == "no-ticker":
        assert outside.pings == 0, "the switch outside rings as well"
