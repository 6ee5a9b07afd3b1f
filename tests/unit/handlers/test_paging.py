"""Every way to reach staff gets its own page, no phone waits for a desk page, and a call that reaches nobody is an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from handlers import alarms, paging
from handlers.accounts import Bind, OfferCode, bind, offer_code
from handlers.alarms import NOBODY_PAGED
from handlers.delivery import Claiming, Report, claim, record
from handlers.model import Address, Outcome, Role, SendJob, Staff
from handlers.paging import Surfaces
from handlers.ports import SendResult
from handlers.unheard import Unheard
from tests.fakes.road import EMERGENCY, PULLED, Road

WAYS = Surfaces(personal=(paging.DESK, paging.PAGER), bound=("zb",), groups=("group:tg",))


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road(surfaces=WAYS)
    yield road
    road.close()


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def bound(road: Road, staff: Staff, channel: str = "zb") -> None:
    code = road.run(offer_code, OfferCode(name=staff.name)).replace(" ", "")
    assert road.run(bind, Bind(address=Address(channel, f"phone of {staff.name}"), code=code)) is not None


def jobs(road: Road) -> list[SendJob]:
    return [job for job in road.run(claim, Claiming(64, PULLED)) if job.row.contact_uid is None]


def calls(road: Road) -> None:
    """She calls for help; her lines are out of the way."""
    road.accepts(road.message("a", "text", text=EMERGENCY))  # type: ignore[arg-type]
    road.handles(road.find("a").uid)


def test_one_page_for_each_way_and_one_for_the_group(road: Road, hoa: Staff) -> None:
    lan = road.hire("lan", alias="Lan")
    bound(road, hoa)
    calls(road)
    found = sorted((job.row.surface, job.staff_name) for job in jobs(road))
    assert found == [
        ("desk", "lan"), ("desk", "tuvan"), ("group:tg", ""), ("pager", "lan"), ("pager", "tuvan"), ("zb", "tuvan"),
    ]  # fmt: skip
    assert lan.name == "lan"


def test_a_desk_page_nobody_opens_holds_up_no_other_way(road: Road, hoa: Staff) -> None:
    bound(road, hoa)
    calls(road)
    for job in jobs(road):
        outcome = Outcome.RETRY if job.row.surface == paging.DESK else Outcome.SENT
        road.run(record, Report(job, SendResult(outcome=outcome, retry_after=timedelta(hours=1))))
    road.now += timedelta(seconds=21)  # the next notice of the first rung
    road.tick()
    assert sorted(job.row.surface for job in jobs(road)) == ["pager", "zb"], "a group is told once a rung"


def test_the_account_is_where_she_has_bound_it(road: Road, hoa: Staff) -> None:
    bound(road, hoa)
    calls(road)
    addresses = {job.row.surface: job.address for job in jobs(road)}
    assert addresses["zb"] == Address("zb", "phone of tuvan")
    assert addresses[paging.PAGER] is None
    assert addresses["group:tg"] is None


def test_who_is_disabled_is_called_nowhere_any_more(road: Road, hoa: Staff) -> None:
    from handlers.staffing import SetEnabled, Staffing

    bound(road, hoa)
    staffing = Staffing(road.escalations.staff_disabled)
    road.run(staffing.set_enabled, SetEnabled(name="tuvan", enabled=False))
    road.run(staffing.set_enabled, SetEnabled(name="tuvan", enabled=True))
    calls(road)
    assert "zb" not in {job.row.surface for job in jobs(road)}


def test_a_claim_takes_the_calls_back_and_tells_the_group(road: Road, hoa: Staff) -> None:
    calls(road)
    case = road.case_of("a")
    road.claim(hoa, case)
    left = jobs(road)
    assert [(job.row.surface, job.row.note, job.owner_alias) for job in left] == [("group:tg", paging.TAKEN, "Hoa")]
    for job in left:
        road.run(record, Report(job, SendResult(outcome=Outcome.SENT, handles=("501",))))
    assert [one.handle for one in road.do(lambda uow: uow.handles.of(case.uid, "page", "group:tg"))] == ["501"]
    road.reply(hoa, case)
    road.close_case(hoa, case)
    assert [job.row.note for job in jobs(road)] == [paging.OVER]


# --- a call that reaches nobody ---------------------------------------------------------------------------------------------


def look(road: Road) -> list[str]:
    road.run(Unheard(WAYS).look, None)
    return [one.code for one in road.do(alarms.ringing)]


def test_a_call_no_surface_confirms_is_an_alarm_after_a_minute(road: Road, hoa: Staff) -> None:
    calls(road)
    assert look(road) == []
    road.now += timedelta(seconds=61)
    assert look(road) == [NOBODY_PAGED]
    assert look(road) == [NOBODY_PAGED], "said once"
    assert len(road.pages(f"note = 'alarm:{NOBODY_PAGED}'")) == 2


def test_the_alarm_is_over_once_somebody_has_it(road: Road, hoa: Staff) -> None:
    calls(road)
    road.now += timedelta(seconds=61)
    look(road)
    road.claim(hoa, road.case_of("a"))
    assert look(road) == []


@pytest.mark.parametrize("surface", ["desk", "pager", "group:tg"])
def test_one_surface_that_confirms_is_enough(road: Road, hoa: Staff, surface: str) -> None:
    calls(road)
    for job in jobs(road):
        outcome = Outcome.SENT if job.row.surface == surface else Outcome.RETRY
        road.run(record, Report(job, SendResult(outcome=outcome, retry_after=timedelta(hours=1))))
    road.now += timedelta(seconds=61)
    assert look(road) == []


def test_a_new_attempt_must_reach_somebody_anew(road: Road, hoa: Staff) -> None:
    calls(road)
    case = road.case_of("a")
    for job in jobs(road):
        road.run(record, Report(job, SendResult(outcome=Outcome.SENT)))
    road.claim(hoa, case)
    road.release(hoa, case)
    road.now += timedelta(seconds=61)
    assert look(road) == [NOBODY_PAGED]


def test_nobody_to_call_at_all_is_said_elsewhere(road: Road) -> None:
    """Without any staff there is no page that could be confirmed: the seeker hears it, and the start says it."""
    road.hire("bientap", Role.EDITOR)
    calls(road)
    road.now += timedelta(seconds=61)
    assert look(road) == []
