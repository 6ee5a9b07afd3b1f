"""Erasing at once at the desk: only a supervisor, only with a reason and the code typed twice, never while somebody is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.severity import Severity
from handlers import audit
from handlers.erasing import EraseNow, EraseReason, Erasing, StillCalling
from handlers.errors import NoSuchCase
from handlers.housekeeping import Housekeeping
from handlers.model import Case, Direction, Role
from handlers.outgoing import append_line
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser


def closed_case(hotline: Hotline, name: str = "s1") -> Case:
    case = hotline.writes(hotline.arrive(name), Severity.URGENT, "dv_physical")
    hotline.on_case(
        case, lambda uow, contact, now: append_line(uow, now, direction=Direction.IN, author="seeker", text="canary")
    )
    return hotline.case(case)


def end(hotline: Hotline, case: Case) -> None:
    lan = next(one for one in hotline.do(lambda uow: uow.staff.all()) if one.name == "lan")
    hotline.claim(lan, case)
    hotline.close_case(lan, case)


def asked(case: Case, **changes: str) -> dict[str, str]:
    return {"code": case.code, "reason": "she_asked", "confirm": case.code} | changes


async def test_a_supervisor_erases_a_closed_case_and_whose_it_was(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.SUPERVISOR)
    case, other = closed_case(hotline), closed_case(hotline, "s2")
    end(hotline, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        queue = await browser.page("/desk")
        assert "/desk/erase" in [attrs.get("href") for attrs in queue.all("a")]
        opened = await browser.post(f"/desk/cases/{case.code}/open", reason="người viết gọi điện")
        assert f'href="/desk/erase?code={case.code}"' in await opened.text()
        form = await browser.page(f"/desk/erase?code={case.code}")
        assert case.code in [attrs.get("value") for attrs in form.all("input")]
        first, *others = [attrs for attrs in form.all("button") if "type" not in attrs][-2:]  # of this form
        assert "disabled" in first  # a browser's default button is the first one: Enter erases nothing
        assert [attrs["class"] for attrs in others] == ["danger wide"]
        assert "mất hẳn" in form.text
        done = await browser.post("/desk/erase", **asked(case, confirm=case.code.lower()))
        assert (done.status, done.headers["Location"]) == (303, "/desk/erase?m=erased_now")
        assert "Đã xóa" in (await browser.page(done.headers["Location"])).text
        assert (await browser.post("/desk/erase", **asked(case))).status == 404
    assert hotline.do(lambda uow: uow.cases.by_code(case.code)) is None
    assert hotline.do(lambda uow: uow.cases.by_code(other.code)) is not None
    with pytest.raises(KeyError):
        hotline.do(lambda uow: uow.contacts.get(case.contact_uid))
    rows = hotline.select("SELECT action, detail FROM audit_log WHERE action = 'case.erased_now'")
    assert [row["detail"] for row in rows] == ['{"cases":1,"reason":"she_asked"}']
    assert audit.DESTROYED in hotline.audit()
    assert len(hotline.facts()) == 1  # the figures outlive it


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"confirm": "K0-XXXX"}, 409, "Chưa xóa gì"),
        ({"confirm": ""}, 409, "Chưa xóa gì"),
        ({"reason": ""}, 409, "Bạn chưa chọn"),
        ({"reason": "because"}, 409, "Bạn chưa chọn"),
        ({"code": "K0-XXXX"}, 404, "Không có ca này"),
    ],
)
async def test_without_a_reason_and_the_code_twice_nothing_goes(
    hotline: Hotline, changes: dict[str, str], status: int, words: str
) -> None:
    hire(hotline, "lan", Role.SUPERVISOR)
    case = closed_case(hotline)
    end(hotline, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        answer = await browser.post("/desk/erase", **asked(case, **changes))
        assert answer.status == status
        assert words in await answer.text()
    assert hotline.do(lambda uow: uow.cases.by_code(case.code)) is not None
    assert audit.ERASED_NOW not in hotline.audit()


async def test_never_while_somebody_is_called_for_her(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.SUPERVISOR)
    case = closed_case(hotline)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        answer = await browser.post("/desk/erase", **asked(case))
        assert (answer.status, "đóng ca trước" in await answer.text()) == (409, True)
    assert hotline.escalation(case) is not None


def test_what_she_has_just_written_is_not_lost(hotline: Hotline) -> None:
    lan = hotline.hire("lan", Role.SUPERVISOR)
    case = closed_case(hotline)
    hotline.claim(lan, case)
    hotline.close_case(lan, case)
    hotline.do(lambda uow: uow.contacts.save(replace(uow.contacts.get(case.contact_uid), pending=1)))
    wish = EraseNow(case_code=case.code, confirm=case.code, reason=EraseReason.SHE_ASKED, staff_uid=lan.uid)
    with pytest.raises(StillCalling):
        hotline.run(Erasing(Housekeeping(hotline.escalations.ending)).erase_now, wish)
    assert hotline.do(lambda uow: uow.cases.by_code(case.code)) is not None


@pytest.mark.parametrize("role", [Role.COUNSELLOR, Role.EDITOR, Role.OPERATOR, Role.INSPECTOR])
async def test_nobody_else_may(hotline: Hotline, role: Role) -> None:
    hire(hotline, "lan", Role.SUPERVISOR)
    hire(hotline, "mai", role)
    case = closed_case(hotline)
    end(hotline, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("mai")
        browser.csrf = browser.csrf or "x"
        assert (await browser.get("/desk/erase")).status == 403
        assert (await browser.post("/desk/erase", **asked(case))).status == 403
    assert hotline.do(lambda uow: uow.cases.by_code(case.code)) is not None


def test_at_the_command_line_whoever_does_it_is_named(hotline: Hotline) -> None:
    lan = hotline.hire("lan", Role.SUPERVISOR)
    case = closed_case(hotline)
    hotline.claim(lan, case)
    hotline.close_case(lan, case)
    erasing = Erasing(Housekeeping(hotline.escalations.ending))
    wish = EraseNow(case_code=case.code, confirm=case.code, reason=EraseReason.DANGER, command_line="Mai")
    assert hotline.run(erasing.erase_now, wish) == 1
    actors = hotline.select("SELECT actor FROM audit_log WHERE action = 'case.erased_now'")
    assert actors == [{"actor": "command line: Mai"}]
    with pytest.raises(NoSuchCase):
        hotline.run(erasing.erase_now, wish)
