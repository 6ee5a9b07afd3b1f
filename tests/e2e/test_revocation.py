"""Cutting somebody off reaches every page and stream of every process within 5 s, with Redis, without, and with one gone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.roles import Role
from bot.wiring import Service
from handlers.accounts import Bind, OfferCode, bind, offer_code, whose
from handlers.model import Address
from handlers.model import Role as StaffRole
from handlers.staffing import AddStaff, EndSessions, ResetFactors, SetEnabled, SetPassword
from tests.e2e.test_several_processes import Desk, employ, house, redis_of

__all__ = ["redis_of"]

PROMISED_S = 5.0


async def cut(service: Service, how: str) -> None:
    """As the command line does, in a process of its own."""
    door, staffing = service.storage.door, service.staffing
    if how == "disable":
        await door.run(staffing.set_enabled, SetEnabled(name="tuvan", enabled=False))
    elif how == "sessions":
        await door.run(staffing.end_sessions, EndSessions(name="tuvan"))
    elif how == "factors":
        await door.run(staffing.reset_factors, ResetFactors(name="tuvan"))
    else:
        await door.run(staffing.set_password, SetPassword(name="tuvan", password_hash="$argon2id$new"))


@pytest.mark.parametrize("how", ["disable", "sessions"])
async def test_every_page_and_stream_of_hers_ends_in_time(
    empty_postgres: str, tmp_path: Path, redis_of: dict[str, Any], how: str
) -> None:
    await ends_in_time(empty_postgres, tmp_path, redis_of, how)


@pytest.mark.parametrize("how", ["factors", "password"])
async def test_new_secrets_end_them_too(empty_postgres: str, tmp_path: Path, how: str) -> None:
    await ends_in_time(empty_postgres, tmp_path, {}, how)


async def ends_in_time(empty_postgres: str, tmp_path: Path, redis_of: dict[str, Any], how: str) -> None:
    async with house(empty_postgres, tmp_path, **redis_of) as made, aiohttp.ClientSession() as http:
        web = [await made.start(f"web {number}", Role.WEB) for number in range(2)]
        worker = await made.start("worker", Role.WORKER)
        await employ(web[0])
        await worker.storage.door.run(
            worker.staffing.add,
            AddStaff(name="khac", alias="Khác", roles=(StaffRole.COUNSELLOR,), password_hash="none"),
        )
        her = Desk(http, web[0].port)
        await her.signs_in()
        elsewhere = Desk(http, web[1].port)
        elsewhere.cookie = her.cookie
        assert [await her.queue(), await elsewhere.queue()] == [200, 200]
        streams = [asyncio.create_task(desk.event("gone", 30)) for desk in (her, elsewhere)]
        await asyncio.sleep(0.5)  # both are open and have had their first look
        assert not any(stream.done() for stream in streams)
        start = time.monotonic()
        await cut(worker, how)
        assert [await her.queue(), await elsewhere.queue()] == [401, 401]  # pages: from this very moment
        await asyncio.gather(*streams)
        took = time.monotonic() - start
        assert took < PROMISED_S
        print(f"figure: {how}: every stream had ended after {took:.2f} s")
        for desk in (her, elsewhere):
            async with asyncio.timeout(5), http.get(desk._url("/desk/events"), headers=desk._headers()) as answer:
                assert answer.status == 401


@pytest.mark.parametrize(
    ("how", "bound"), [("disable", False), ("sessions", False), ("factors", False), ("password", True)]
)
async def test_accounts_on_messengers_go_in_the_same_transaction_but_not_for_a_new_password(
    empty_postgres: str, tmp_path: Path, how: str, bound: bool
) -> None:
    async with house(empty_postgres, tmp_path) as made:
        one, other = await made.start("one", Role.WORKER), await made.start("other", Role.WORKER)
        await employ(one)
        account = Address("tele", "7001")
        code = await one.storage.door.run(offer_code, OfferCode(name="tuvan"))
        staff = await one.storage.door.run(bind, Bind(address=account, code=code.replace(" ", "")))
        assert staff is not None
        assert (await other.storage.door.read(lambda uow: whose(uow, account))) is not None
        await cut(one, how)
        found = await other.storage.door.read(lambda uow: whose(uow, account))
        assert (found is not None) == bound
        if how == "disable":
            again = SetEnabled(name="tuvan", enabled=True)
            await one.storage.door.run(one.staffing.set_enabled, again)
            assert await other.storage.door.read(lambda uow: whose(uow, account)) is None  # not by being let in again
