"""A whole conversation at the loudest log level: nothing of the person is in the terminal or, in clear, in any file."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.channels.webchat import new_token
from tests.chaos.harness import Program
from tests.fakes.telegram import TOKEN, Fault

pytestmark = pytest.mark.crash

CHAT = 748_190_235
WORDS = "chồng em tên Hoàng-Yến-Canary đánh em"
POINT = {"latitude": 22.386417, "longitude": 103.458213}


async def test_no_canary_in_logs_or_files(program: Program) -> None:
    program.prepare(log_level="debug")
    await program.start()
    program.fake.faults.extend(Fault(kind) for kind in ("reset", "garbage", "429"))
    program.fake.types(CHAT, "/start")
    program.fake.types(CHAT, WORDS)
    program.fake.sends(CHAT, location=POINT)
    program.fake.sends(CHAT, contact={"phone_number": "+0canary-phone-0", "first_name": "Canaryname"})
    program.fake.sends(CHAT, photo=[{"file_id": "canary-file"}], caption="canary-caption")
    web_token = new_token()
    async with aiohttp.ClientSession() as http:
        page = f"http://127.0.0.1:{program.port}/"
        for form in ({"act": "start"}, {"text": WORDS}, {"text": "xoá"}, {"lat": "x", "act": "location"}):
            headers = {"User-Agent": "canary-browser", "X-Forwarded-For": "203.0.113.77"}
            async with http.post(page, data={"token": web_token, **form}, headers=headers) as answer:
                assert answer.status == 200
        program.fake.away = True
        await asyncio.sleep(1.2)  # the polling loop meets errors and says so
        program.fake.away = False
    await program.drained()
    canaries = [
        str(CHAT), f"Firstname{CHAT}", f"username{CHAT}", "canary-phone", "Canaryname", "canary-file", "canary-caption",
        "Hoàng-Yến-Canary", TOKEN, TOKEN.split(":")[1], web_token, "22.386417", "103.458213", "canary-browser", "203.0.113.77",
    ]  # fmt: skip
    while_running = _files(program)
    assert await program.stop() == 0
    places = {"the terminal": program.output.read_bytes(), **while_running, **_files(program, "after its end: ")}
    assert any(name.endswith("data.db") for name in places)
    assert b"poll_failed" in places["the terminal"], "it was quiet: this run proves nothing"
    found = [(canary, place) for place, content in places.items() for canary in canaries if canary.encode() in content]
    assert found == []


def _files(program: Program, when: str = "") -> dict[str, bytes]:
    return {f"{when}{path.name}": path.read_bytes() for path in program.var.rglob("*") if path.is_file()}
