"""Turns a second beside python-telegram-bot's ConversationHandler and aiogram's FSM, in one run on the same cores.

Run: `make bench NAME=peers` (installs aiogram into `.venv/peers`, an environment of its own). Everybody has the same five
messages and a network that answers at once, 64 people interleaved. The peers keep a number and five short texts; we screen every
message, seal it, take it through the flow, and answer only when it is on disk. What survives a kill is said beside each.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.bench_turns import Bench  # noqa: E402
from tests.servers.redis import RedisServer  # noqa: E402

PEERS = Path(__file__).resolve().parent / "peers"
ROUNDS, PEOPLE, TIMES = 3, 64, 6
FLUSHED_TIMES = 1  # each turn rewrites everything


def interpreter() -> Path:
    """The peers' Python, made and filled when it is missing."""
    folder = ROOT / ".venv" / "peers"
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r"]
        subprocess.run([*install, str(PEERS / "requirements.txt")], check=True)
        (folder / "whole").touch()
    return python


def peer(python: Path, script: str, kept: str, times: int = TIMES) -> dict[str, float]:
    """One round of a peer, in a process of its own."""
    argv = [str(python), str(PEERS / script), kept, str(PEOPLE), str(times)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


async def ours() -> dict[str, float]:
    """One round of the product."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        await bench.begin()
        await bench.load(PEOPLE, PEOPLE * 4)
        rate, took = await bench.load(PEOPLE, PEOPLE * 5 * TIMES)
        await bench.end()
        took.sort()
        p50, p99 = took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3
        return {"rate": rate, "p50": p50, "p99": p99, "cpu": bench.cpu_ms}


def one_round(python: Path, redis: RedisServer, durable: RedisServer) -> dict[str, dict[str, float]]:
    """Each once, one after the other."""
    found = {"Bình An, SQLite: every acknowledged turn survives, once": asyncio.run(ours())}
    found["python-telegram-bot, nothing kept: nothing survives"] = peer(python, "ptb.py", "none")
    found["  PicklePersistence as it comes: what is older than 60 s"] = peer(python, "ptb.py", "pickle")
    found["  PicklePersistence written each turn: the last whole file"] = peer(
        python, "ptb.py", "flushed", FLUSHED_TIMES
    )
    found["aiogram FSM, memory: nothing survives"] = peer(python, "fsm.py", "memory")
    found["  FSM on Redis without a log: nothing survives its restart"] = peer(python, "fsm.py", redis.url)
    found["  FSM on Redis, log written each command: each command, not the turn"] = peer(python, "fsm.py", durable.url)
    return found


def main() -> int:
    """Measure and print. 1 when the peers cannot be installed."""
    try:
        python = interpreter()
    except subprocess.CalledProcessError:
        print("peers: aiogram could not be installed (is a package index in reach?)", file=sys.stderr)
        return 1
    redis, durable = RedisServer(), RedisServer(log=True)
    try:
        rounds = [one_round(python, redis, durable) for _ in range(ROUNDS)]
    finally:
        redis.close()
        durable.close()
    mine = next(iter(rounds[0]))
    print(f"peers: {PEOPLE} people, five messages each, {ROUNDS} rounds, medians")
    for name in rounds[0]:
        rate, p50, p99, cpu = (
            statistics.median(each[name][key] for each in rounds) for key in ("rate", "p50", "p99", "cpu")
        )
        ratio = statistics.median(each[mine]["rate"] / each[name]["rate"] for each in rounds)
        beside = "" if name == mine else f"; we do {ratio:.2f} of it"
        print(
            f"  {name}: {rate:,.0f} turns/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cpu:.2f} ms of processor time a turn{beside}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
