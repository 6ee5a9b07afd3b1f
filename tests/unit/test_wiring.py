"""What is put together: one of each, under names of their own, stopping in the right order, failing in words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import running as running_module
from bot import wiring
from bot.config import Config, ConfigError
from bot.running import CannotListen, PartEnded, run_service
from bot.wiring import Service, open_service
from bot.worlds import ContentBroken
from flows.severity import Severity
from handlers.desk import SetDuty
from handlers.duty import EverybodyByRole
from handlers.errors import StorageUnavailable
from handlers.model import DutySwitch, EscalationState, Leaving, Role
from handlers.ports import UnitOfWork
from handlers.rules.ladder import EMERGENCY
from tests.contract.builders import act, address, case_of, escalation
from tests.e2e.harness import eventually


def config(tmp_path: Path, **written: Any) -> Config:
    return Config.model_validate({"var": tmp_path / "var", **written})


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with open_service(config(tmp_path), demo=True, in_memory=True) as opened:
        yield opened


async def started(service: Service) -> asyncio.Task[None]:
    ready = asyncio.Event()
    running = asyncio.create_task(run_service(service, "127.0.0.1", 0, ready))
    async with asyncio.timeout(10):
        await ready.wait()
    return running


async def stopped(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def taken_port() -> tuple[socket.socket, int]:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return holder, holder.getsockname()[1]


def test_without_a_roster_everybody_is_on_duty_by_role(tmp_path: Path) -> None:
    assert isinstance(wiring.duty_of(config(tmp_path)), EverybodyByRole)


def test_a_roster_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        wiring.duty_of(config(tmp_path, roster=tmp_path / "none.yaml"))


def test_a_broken_roster_is_said_with_its_place(tmp_path: Path) -> None:
    roster = tmp_path / "roster.yaml"
    roster.write_text("shifts: [{rung: nobody}]\n")
    with pytest.raises(ConfigError, match=r"roster\.yaml:1:"):
        wiring.duty_of(config(tmp_path, roster=roster))


async def test_a_broken_roster_at_the_start_leaves_nothing_open(tmp_path: Path) -> None:
    broken = config(tmp_path, roster=tmp_path / "none.yaml")
    with pytest.raises(ConfigError):
        async with open_service(broken, demo=True):
            raise AssertionError("opened")
    async with open_service(config(tmp_path), demo=True) as opened:  # the files are free again
        assert opened.first_staff


async def test_a_missing_secret_is_said_in_words(tmp_path: Path) -> None:
    channel = {"name": "tg", "platform": "telegram", "token": f"file:{tmp_path / 'none'}"}
    with pytest.raises(ConfigError, match="cannot be read"):
        async with open_service(config(tmp_path, channels=[channel]), demo=False, in_memory=True):
            raise AssertionError("opened")


@pytest.mark.parametrize("names", [["web"], ["tg", "tg"]])
async def test_two_channels_of_one_name_are_refused(tmp_path: Path, names: list[str]) -> None:
    token = tmp_path / "token"
    token.write_text("1:x")
    channels = [{"name": name, "platform": "telegram", "token": f"file:{token}"} for name in names]
    with pytest.raises(ConfigError, match="taken already"):
        async with open_service(config(tmp_path, channels=channels), demo=False, in_memory=True):
            raise AssertionError("opened")


async def test_a_content_folder_that_is_broken_is_said_with_its_place(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "set.yaml").write_text("nonsense: [\n")
    with pytest.raises(ContentBroken, match=r"\.yaml:1:1: missing-file"):
        async with open_service(config(tmp_path, content=content), demo=True, in_memory=True):
            raise AssertionError("opened")


async def test_the_demo_makes_three_people_once(tmp_path: Path) -> None:
    async with open_service(config(tmp_path), demo=True) as first:
        assert [one.role for one in first.first_staff] == ["counsellor", "supervisor", "editor"]
        assert len({one.password for one in first.first_staff}) == 3
        assert not any(one.password in repr(one) for one in first.first_staff)
    async with open_service(config(tmp_path), demo=True) as second:
        assert second.first_staff == ()


async def test_with_a_configuration_nobody_is_made(tmp_path: Path) -> None:
    async with open_service(config(tmp_path), demo=False, in_memory=True) as opened:
        assert await opened.storage.door.read(lambda uow: uow.staff.all()) == []


async def test_it_serves_and_stops(service: Service) -> None:
    running = await started(service)
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{service.port}/healthz") as answer:
        assert answer.status == 200
    await stopped(running)
    with pytest.raises(OSError):  # noqa: PT011 (whatever the system calls it)
        socket.create_connection(("127.0.0.1", service.port), timeout=1).close()


async def test_doors_close_before_the_loops_do(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the sender finishes what it has, nobody is told 'received' any more."""
    order: list[str] = []

    async def finishes() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(OSError):  # noqa: PT011
                socket.create_connection(("127.0.0.1", service.port), timeout=1).close()
            order.append("outbox")

    monkeypatch.setattr(service.outbox, "run", finishes)
    await stopped(await started(service))
    assert order == ["outbox"]


async def test_a_port_in_use_is_said_in_words(service: Service) -> None:
    holder, port = taken_port()
    with holder, pytest.raises(CannotListen, match=str(port)):
        await run_service(service, "127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99_999), ("no.such.host.invalid", 0)])
async def test_an_address_that_cannot_be_is_said_in_words(service: Service, host: str, port: int) -> None:
    with pytest.raises(CannotListen):
        await run_service(service, host, port)


async def test_a_part_that_breaks_ends_everything(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks() -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(service.timers, "run", breaks)
    with pytest.raises(RuntimeError):
        await run_service(service, "127.0.0.1", 0)


async def test_a_part_that_ends_quietly_ends_everything_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends() -> None:
        return

    monkeypatch.setattr(service.timers, "run", ends)
    with pytest.raises(PartEnded, match="timers"):
        await run_service(service, "127.0.0.1", 0)


async def test_a_channel_that_fails_is_started_again_and_disturbs_nobody(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "RESTART_CHANNEL_S", 0.01)
    tries: list[int] = []

    async def fails(receive: Any) -> None:
        tries.append(1)
        raise ConnectionError("the platform is away")

    monkeypatch.setattr(service.channels["web"], "run", fails)
    running = await started(service)
    await eventually(lambda: len(tries) >= 3)
    assert not running.done()
    await stopped(running)


async def test_nothing_is_received_when_nothing_can_be_stored(service: Service) -> None:
    from handlers.model import Address, InboundMessage, MessageKind

    await service.storage.close()
    message = InboundMessage(address=Address("web", "x"), message_id="1", kind=MessageKind.TEXT, text="chào")
    with pytest.raises(StorageUnavailable):
        await service.receive(message)


async def test_the_timers_see_an_owner_leave_and_miss_who_was_at_the_desk(service: Service) -> None:
    door = service.storage.door
    lan = await act(door, lambda uow: next(one for one in uow.staff.all() if Role.COUNSELLOR in one.roles))

    def hold(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([address()])
        case = case_of(contact, severity=Severity.EMERGENCY)
        uow.cases.add(case)
        held = {"state": EscalationState.OWING, "owner_uid": lan.uid, "unanswered_since": uow.now}
        one = escalation(case, ladder=EMERGENCY, next_due_at=uow.now + timedelta(seconds=120), **held)
        uow.escalations.add(one)
        return one.uid

    uid = await act(door, hold)
    before = await act(door, lambda uow: uow.escalations.get(uid))
    with service.surfaces["desk"].open_page(lan.uid):  # type: ignore[attr-defined]
        await watch(service)
    await watch(service, later_s=20.0)
    missed = await act(door, lambda uow: uow.escalations.get(uid))
    assert missed.next_due_at == before.unanswered_since + timedelta(seconds=30), "30 s instead of 120"
    await door.run(service.desk.set_duty, SetDuty(staff_uid=lan.uid, duty=DutySwitch.OFF))
    await watch(service)
    assert (await act(door, lambda uow: uow.escalations.get(uid))).leaving is Leaving.LEFT


async def watch(service: Service, *, later_s: float = 0.0) -> None:
    """One look after owners, whenever the last one was; `later_s`: as if that much time had passed since they were seen."""
    timers = service.timers
    timers._owners_watched_at = float("-inf")
    timers._sightings._seen = {uid: at - later_s for uid, at in timers._sightings._seen.items()}
    await timers._watch_owners()
