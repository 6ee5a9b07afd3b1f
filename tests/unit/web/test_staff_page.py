"""The staff list at the desk: who may help and cut off whom, and that it is over at once everywhere."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.web.passwords import Verifier
from handlers.factors import STEP_S
from handlers.model import Role
from handlers.permissions import MAY, Action
from handlers.signing_in import TRIES_PER_PAIR
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import PASSWORD, desk_deps, hire
from tests.unit.web.serving import Page, serving
from tests.unit.web.test_second_step import ORIGIN, Person

KEEPERS = {role for role in Role if Action.KEEP_STAFF in MAY[role]}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def matches(self: Verifier, password: str, password_hash: str, *, known: bool = False) -> bool:
        return bool(password_hash) and password == PASSWORD

    monkeypatch.setattr(Verifier, "matches", matches)


class Colleague(Person):
    """Somebody of another name."""

    name = "chi"

    async def knocks(self, password: str = PASSWORD):  # type: ignore[no-untyped-def]
        return await self.ask("POST", "/desk/sign-in", name=self.name, password=password)

    async def does(self, act: str, uid: str, password: str = PASSWORD):  # type: ignore[no-untyped-def]
        return await self.ask("POST", f"/desk/staff/{uid}", act=act, password=password)


async def test_a_supervisor_reads_out_a_code_to_who_lost_her_phone(hotline: Hotline) -> None:
    lan = hire(hotline, "lan")
    hire(hotline, "chi", Role.SUPERVISOR)
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        her, boss = Person(http, hotline), Colleague(http, hotline)
        await her.enters()
        await her.enrols_app()
        await boss.enters()
        page = await (await boss.ask("GET", "/desk/staff")).text()
        assert "Ứng dụng tạo mã" in page
        answer = await boss.does("help_code", lan.uid)
        assert answer.status == 200
        code = re.search(r"(\d{5} \d{5})", await answer.text())
        assert code is not None
        await her.knocks()
        assert (await her.shows(code[1])).status == 303
        assert (await her.ask("GET", "/desk")).status == 200


@pytest.mark.parametrize("act", ["end", "reset", "disable"])
async def test_who_is_cut_off_is_out_at_once(hotline: Hotline, act: str) -> None:
    lan = hire(hotline, "lan")
    hire(hotline, "chi", Role.OPERATOR)
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        her, boss = Person(http, hotline), Colleague(http, hotline)
        await her.enters()
        await her.enrols_app()
        hotline.now += timedelta(seconds=STEP_S)
        half = Person(http, hotline)
        await half.knocks()  # somebody stands between the two steps
        await boss.enters()
        answer = await boss.does(act, lan.uid)
        assert answer.headers["Location"] == "/desk/staff?m=done"
        assert (await her.ask("GET", "/desk")).status == 303
        half.seed = her.seed
        assert (await half.shows(half.code())).status == 429
        again = await her.knocks()
        assert again.status == {"end": 200, "reset": 303, "disable": 403}[act]
        if act == "disable":
            assert (await boss.does("enable", lan.uid)).status == 303
            assert (await her.knocks()).status == 200  # her second factor is still hers


async def test_a_lock_of_tries_is_taken_away_by_hand(hotline: Hotline) -> None:
    lan = hire(hotline, "lan")
    hire(hotline, "chi", Role.SUPERVISOR)
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        her, boss = Person(http, hotline), Colleague(http, hotline)
        await boss.enters()
        for _ in range(TRIES_PER_PAIR):
            await her.knocks("wrong and long enough")
        assert (await her.knocks()).status == 429
        assert (await boss.does("unlock", lan.uid)).status == 303
        assert (await her.knocks()).status == 303


@pytest.mark.parametrize("role", list(Role))
async def test_only_those_who_keep_staff_do_with_their_password_and_never_to_themselves(
    hotline: Hotline, role: Role
) -> None:
    lan, chi = hire(hotline, "lan"), hire(hotline, "chi", role)
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        boss = Colleague(http, hotline)
        await boss.enters()
        before = hotline.audit()
        for act in ("help_code", "end", "reset", "disable", "enable", "unlock"):
            if role not in KEEPERS:
                assert (await boss.does(act, lan.uid)).status == 403
                continue
            assert (await boss.does(act, chi.uid)).status == 409, act  # herself
            assert (await boss.does("", lan.uid)).status == 409
            assert (await boss.does(act, "f" * 32)).status == 404
        if role in KEEPERS:
            assert (await boss.does("disable", lan.uid, "not the password at all")).status == 403
            page = Page(await (await boss.ask("GET", "/desk/staff")).text())
            assert [one["action"] for one in page.all("form") if "/desk/staff/" in one["action"]] == [
                f"/desk/staff/{lan.uid}"
            ]
        assert hotline.audit() == before
        assert lan.enabled


async def test_rights_are_read_in_the_transaction_itself(hotline: Hotline) -> None:
    """A supervisor who was disabled between the page and the press does nothing any more."""
    lan, chi = hire(hotline, "lan"), hire(hotline, "chi", Role.SUPERVISOR)
    deps, door = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        boss = Colleague(http, hotline)
        await boss.enters()
        run = door.run

        async def late(operation: object, item: object) -> object:
            if type(item).__name__ == "SetEnabled":
                hotline.connection.execute("UPDATE staff SET enabled = 0 WHERE uid = ?", (chi.uid,))
            return await run(operation, item)

        door.run = late  # type: ignore[method-assign]
        assert (await boss.does("disable", lan.uid)).status == 403
        assert hotline.do(lambda uow: uow.staff.get(lan.uid)).enabled  # type: ignore[union-attr]
