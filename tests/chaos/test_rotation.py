"""The key-encryption key, and the lookup pepper, are changed again and again by the real command, killed now and then, while the
real service works.

Nothing may be lost, nothing may fail to open, nobody may be made twice. In `make test` a short run; in `make chaos` every 10 s
for 5 minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.installation import Installation
from storage.keyring import KeyRing
from storage.secrets import kek_ids, load_secrets, pepper_ids
from tests.chaos.checker import check
from tests.chaos.cluster import Cluster
from tests.chaos.harness import Launcher, Load, Program, until
from tests.fakes.telegram import FakeTelegram
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

FULL = os.environ.get("CHAOS") == "full"
FOR_S = 300.0 if FULL else 12.0
EVERY_S = 10.0 if FULL else 0.2
KILLED = 0.25  # so often a rotation is killed on the way
FAILED = ("does not open", "key-missing", "KeyMissing", "Unreadable", "unreadable")

pytestmark = pytest.mark.crash


@dataclass
class Rotations:
    """What became of the command."""

    done: int = 0
    killed: int = 0


async def rotate_for_a_while(program: Program, chance: random.Random, command: str) -> Rotations:
    """`keys rotate` or `keys rotate-pepper` in a process of its own, one after the other."""
    count, until_s = Rotations(), time.monotonic() + FOR_S
    output = program.folder / "rotate.txt"
    while time.monotonic() < until_s:
        argv = ["keys", command, "--config", str(program.folder / "config.yaml")]
        pid = await program.launcher.start(argv, output, {}, "")
        if chance.random() < KILLED:
            await asyncio.sleep(chance.uniform(0.02, 1.2))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await until(lambda pid=pid: program.launcher.code(pid) is not None, 60, f"the end of keys {command}")
        code = program.launcher.code(pid)
        assert code in (0, -signal.SIGKILL), output.read_text()
        count.done += code == 0
        count.killed += code != 0
        await asyncio.sleep(EVERY_S)
    return count


async def write_for_a_while(load: Load, rotating: asyncio.Task[Rotations]) -> None:
    while not rotating.done():
        load.write(2, newcomers=1 if load.chats < 400 else 0)  # a platform takes one line a second for each phone
        await asyncio.sleep(0.3)


def failed_reads(programs: Sequence[Program]) -> list[str]:
    """What the service said about anything that did not open."""
    return [line for each in programs for line in each.said().splitlines() if any(word in line for word in FAILED)]


async def under_load(
    first: Program, programs: Sequence[Program], fake: FakeTelegram, command: str
) -> tuple[Rotations, Load]:
    load, chance = Load(fake, chats=40, seed=7), random.Random(23)
    rotating = asyncio.create_task(rotate_for_a_while(first, chance, command))
    await write_for_a_while(load, rotating)
    count = await rotating
    await first.drained()
    assert failed_reads(programs) == []
    assert count.done >= 3
    return count, load


async def rotated_under_load(first: Program, programs: Sequence[Program], fake: FakeTelegram, name: str) -> Rotations:
    count, load = await under_load(first, programs, fake, "rotate")
    here = Installation(first.var, first.database, keys_url=first.keys)
    with closing(here.open_keys(load_secrets(first.var, needed=True), lambda: datetime.now(UTC))) as keys:
        assert keys.opens()
        held = keys.wrapped_under()
    assert len(kek_ids(here.secrets)) >= count.done / 2  # a killed one is finished by the next, which makes no new one
    print(
        f"figure: rotation on {name}: {len(programs)} processes, {FOR_S:.0f} s, {count.done} changes, "
        f"{count.killed} killed on the way, "
        f"{sum(held.values())} data keys, {sum(len(one) for one in load.written.values())} messages; failed reads 0"
    )
    assert [await each.stop() for each in programs] == [0] * len(programs)
    wrong = (await check(first, load)).wrong()
    print(f"figure: rotation on {name}: lost and doubled {wrong or 0}")
    assert wrong == {}, {each.name: each.said()[-600:] for each in programs}
    return count


async def changed_under_load(first: Program, programs: Sequence[Program], fake: FakeTelegram, name: str) -> None:
    count, load = await under_load(first, programs, fake, "rotate-pepper")
    peppers = pepper_ids(first.var / "secrets")
    assert len(peppers) >= count.done / 2
    assert [await each.stop() for each in programs] == [0] * len(programs)
    people = await whom_it_leads_to(first)
    print(
        f"figure: lookup pepper on {name}: {len(programs)} processes, {FOR_S:.0f} s, {count.done} changes, "
        f"{count.killed} killed on the way, {len(people)} people, "
        f"{sum(len(one) for one in load.written.values())} messages; made twice 0"
    )
    assert set(people.values()) == {1}
    assert {str(chat) for chat in load.written} <= set(people)
    wrong = (await check(first, load)).wrong()
    print(f"figure: lookup pepper on {name}: lost and doubled {wrong or 0}")
    assert wrong == {}, {each.name: each.said()[-600:] for each in programs}


async def whom_it_leads_to(program: Program) -> Counter[str]:
    """By address: how many contacts have it."""
    found = program.select("SELECT uid, address_sealed FROM contacts")
    here = Installation(program.var, program.database, keys_url=program.keys)
    with closing(here.open_keys(load_secrets(program.var, needed=True), lambda: datetime.now(UTC))) as keys:
        ring = KeyRing(keys)
        return Counter(ring.unseal("contacts", "address", uid, uid, bytes(sealed)).decode() for uid, sealed in found)


@asynccontextmanager
async def three_processes(
    launcher: Launcher, tmp_path: Path, servers: tuple[PostgresServer, RedisServer], keys_apart: bool
) -> AsyncIterator[tuple[Cluster, FakeTelegram, str]]:
    """Two workers and the pages on PostgreSQL, at work; and how a figure calls them."""
    fake = await FakeTelegram().start()
    cluster = await Cluster.prepared(
        launcher, tmp_path, fake, *servers, "worker", "worker", "web", keys_apart=keys_apart
    )
    try:
        await cluster.start()
        yield cluster, fake, "PostgreSQL, keys in a database" if keys_apart else "PostgreSQL"
    finally:
        await cluster.end()
        await fake.stop()


async def test_the_pepper_of_one_process_on_sqlite(program: Program) -> None:
    await program.start()
    await changed_under_load(program, [program], program.fake, "SQLite")


@pytest.mark.parametrize(
    "keys_apart",
    [pytest.param(False, marks=pytest.mark.skipif(not FULL, reason="make chaos")), True],
    ids=["keys in a file", "keys in a database"],
)
async def test_the_pepper_of_several_processes_on_postgres(
    launcher: Launcher, tmp_path: Path, servers: tuple[PostgresServer, RedisServer], keys_apart: bool
) -> None:
    async with three_processes(launcher, tmp_path, servers, keys_apart) as (cluster, fake, name):
        await changed_under_load(cluster.members[0], cluster.members, fake, name)


async def test_one_process_on_sqlite(program: Program) -> None:
    await program.start()
    await rotated_under_load(program, [program], program.fake, "SQLite")


@pytest.mark.parametrize(
    "keys_apart",
    [
        False,
        pytest.param(True, marks=pytest.mark.skipif(not FULL, reason="make chaos")),
    ],
    ids=["keys in a file", "keys in a database"],
)
async def test_several_processes_on_postgres(
    launcher: Launcher, tmp_path: Path, servers: tuple[PostgresServer, RedisServer], keys_apart: bool
) -> None:
    async with three_processes(launcher, tmp_path, servers, keys_apart) as (cluster, fake, name):
        await rotated_under_load(cluster.members[0], cluster.members, fake, name)
