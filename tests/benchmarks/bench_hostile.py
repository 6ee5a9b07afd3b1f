"""Hostile bodies at the webhook of the real program, and forged ones: what it answers, how fast, and by how much it grows.

Run: `make bench NAME=hostile` (10,000 of each; `PAYLOADS=100000` for the long run). Targets (part 2, row 10, of the security
reference): no 5xx, p99 under 100 ms, under 20 MB more memory, no row from what was not signed, and the next person is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402

from tests.contract.test_hostile import PAYLOADS  # noqa: E402
from tests.fakes.telegram import TOKEN, FakeTelegram  # noqa: E402
from tests.servers.process import free_port  # noqa: E402

COUNT = int(os.environ.get("PAYLOADS", "10000"))
WARM = 2_000  # before memory is read for the first time: caches fill once
AT_ONCE = 4
SECRET = "webhook-secret-for-benchmarks"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
PEOPLE = 5
ODD: list[Any] = [
    None,
    True,
    -1,
    10**40,
    1e308,
    "",
    "\x00",
    "‮",
    "private",
    "/start",
    "x" * 4_000,
    [],
    {},
    [[]],
    {"id": {}},
]
NAMES = [
    "update_id",
    "message",
    "chat",
    "id",
    "type",
    "text",
    "location",
    "latitude",
    "photo",
    "voice",
    "callback_query",
    "data",
]


def spoilt(chance: random.Random, number: int) -> bytes:
    """An update as the platform would bring it, with something of it replaced, torn off or broken."""
    kind = chance.random()
    if kind < 0.2:
        return chance.choice(PAYLOADS)
    if kind < 0.3:
        return chance.randbytes(chance.randrange(80))
    chat: dict[str, Any] = {"id": 1 + number % PEOPLE, "type": "private"}
    message: dict[str, Any] = {"message_id": number, "date": 1, "chat": chat, "text": "chào"}
    update: dict[str, Any] = {"update_id": number, "message": message}
    for _ in range(chance.randint(1, 3)):
        where = chance.choice([update, message, chat])
        where[chance.choice(NAMES)] = chance.choice(ODD)
    body = json.dumps(update).encode()
    return body if kind < 0.8 else body[: chance.randrange(len(body))]


def forged(chance: random.Random) -> dict[str, str]:
    """Headers that prove nothing."""
    wrong = ["", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), " " + SECRET[1:], chance.randbytes(12).hex()]
    return {} if chance.random() < 0.2 else {HEADER: chance.choice(wrong)}


def memory_mb(pid: int) -> float:
    """Resident, of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


async def posts(url: str, bodies: list[tuple[bytes, dict[str, str]]]) -> tuple[Counter[int], list[float]]:
    """All of them, some side by side; statuses and seconds, sorted."""
    statuses: Counter[int] = Counter()
    took: list[float] = []
    waiting = iter(bodies)

    async def one(http: aiohttp.ClientSession) -> None:
        for body, headers in waiting:
            began = perf_counter()
            async with http.post(url, data=body, headers={"Content-Type": "application/json", **headers}) as answer:
                await answer.read()
                statuses[answer.status] += 1
            took.append(perf_counter() - began)

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(one(http) for _ in range(AT_ONCE)))
    return statuses, sorted(took)


def rows(folder: Path) -> int:
    """Messages in the inbox."""
    with contextlib.closing(sqlite3.connect(folder / "var/data.db", timeout=5)) as connection:
        return int(connection.execute("SELECT count(*) FROM inbox").fetchone()[0])


async def measure(folder: Path) -> None:
    """Start the program, throw everything, print."""
    fake, chance, port = await FakeTelegram().start(), random.Random(10), free_port()
    (folder / "token").write_text(TOKEN)
    (folder / "secret").write_text(SECRET)
    (folder / "config.yaml").write_text(
        f"var: {folder}/var\nlisten: 127.0.0.1:{port}\nlog: {{level: error}}\nchannels:\n"
        f"  - {{name: tg, platform: telegram, token: 'file:{folder}/token', base_url: '{fake.base_url}', "
        f"mode: webhook, webhook_secret: 'file:{folder}/secret'}}\n"
    )
    argv = [sys.executable, "-m", "bot", "serve", "--config", str(folder / "config.yaml")]
    program = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=subprocess.PIPE)
    assert program.stdout is not None
    await program.stdout.readline()
    url = f"http://127.0.0.1:{port}/webhooks/telegram/tg"
    signed = {HEADER: SECRET}
    await posts(url, [(spoilt(chance, number), signed) for number in range(WARM)])
    before = memory_mb(program.pid)
    statuses, took = await posts(url, [(spoilt(chance, WARM + number), signed) for number in range(COUNT)])
    grown, stored = memory_mb(program.pid) - before, rows(folder)
    failed = sum(count for status, count in statuses.items() if status >= 500)
    print(
        f"hostile: {COUNT:,} signed bodies, {AT_ONCE} at once: {failed} answered with 5xx ({dict(statuses)}), "
        f"p50 {took[len(took) // 2] * 1e3:.1f} ms, p99 {took[int(len(took) * 0.99)] * 1e3:.1f} ms "
        f"(target 100 ms), {grown:+.1f} MB of memory (target under 20)"
    )
    good = json.dumps({"update_id": 1, "message": {"chat": {"id": 1, "type": "private"}, "text": "chào"}}).encode()
    statuses, _ = await posts(url, [(good, forged(chance)) for _ in range(COUNT)])
    print(f"  {COUNT:,} forged requests: {rows(folder) - stored} rows, answered {dict(statuses)} (target 0; one)")
    honest = {
        "update_id": 10**9,
        "message": {"message_id": 1, "date": 1, "chat": {"id": 99, "type": "private"}, "text": "em đây"},
    }
    fake.chats.add(99)
    await posts(url, [(json.dumps(honest).encode(), signed)])
    began = perf_counter()
    while not fake.of(99) and perf_counter() - began < 60:  # noqa: ASYNC110 (it is the phone that is looked at)
        await asyncio.sleep(0.01)
    print(
        f"  the next person has an answer after {perf_counter() - began:.1f} s"
        if fake.of(99)
        else "  the next person: NO ANSWER"
    )
    program.terminate()
    await program.wait()
    await fake.stop()


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
