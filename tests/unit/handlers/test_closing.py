"""A channel whose reply window shuts: said at the desk, refused before it is tried, and a code is offered in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web import words
from bot.web.texts import DESK
from handlers.closing import LEAVE, TAKE
from handlers.errors import WindowShut
from handlers.model import Case, Direction, MessageKind, Staff
from handlers.rules.windows import ALWAYS_OPEN, ReplyWindow
from tests.fakes.road import EMERGENCY, Road
from tests.unit.web.fakes import make_deps

WEEK = ReplyWindow(free_for=timedelta(hours=48), open_for=timedelta(days=7))


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road(windows={"tg": WEEK})
    yield road
    road.close()


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def talking(road: Road, hoa: Staff) -> Case:
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Chị đây.")
    return case


def looks(road: Road) -> list[bool]:
    """The timer's look, once."""
    due = road.do(lambda uow: road.closing.due(uow, 64))
    done = [road.run(road.closing.offer, uid) for uid in due]
    road.delivers()
    return done


def silent(road: Road, minutes: float = 11) -> None:
    road.now += timedelta(minutes=minutes)


def test_she_is_offered_a_code_once_while_she_is_still_here(road: Road, hoa: Staff) -> None:
    talking(road, hoa)
    silent(road, 9)
    assert looks(road) == []
    silent(road, 2)
    assert looks(road) == [True]
    assert "lấy mã quay lại" in road.last("a")
    assert "ngày 30/11" in road.last("a")
    assert [button.data for button in road.got["a"][-1].buttons] == [TAKE, LEAVE]
    assert looks(road) == []
    road.types("a", "em đây")
    silent(road)
    assert looks(road) == [], "once in a stay"


def test_who_waits_for_somebody_is_offered_it_too(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    silent(road)
    assert looks(road) == [True]


@pytest.mark.parametrize("why", ["stopped", "blocked", "closed", "nobody called", "too late", "maybe another person"])
def test_nobody_is_offered_a_code_who_should_not_be(road: Road, hoa: Staff, why: str) -> None:
    case = talking(road, hoa)
    if why == "stopped":
        road.change_contact(case, quiet=True)
    elif why == "blocked":
        road.change_contact(case, blocked_at=road.now)
    elif why == "closed":
        road.close_case(hoa, case)
        road.delivers()
    elif why == "nobody called":
        road.types("b", "chào")
        road.change_contact(case, window_told_at=road.now)
    elif why == "maybe another person":
        road.change_contact(case, confirmed=False)
    said = len(road.texts("a")), len(road.texts("b"))
    silent(road, 16 if why == "too late" else 11)
    assert True not in looks(road)
    assert (len(road.texts("a")), len(road.texts("b"))) == said


def test_channels_without_a_window_tell_nobody(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.change_contact(case, channel="web")
    silent(road)
    assert looks(road) == []


def test_she_takes_the_code_and_it_leads_back_from_any_door(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    silent(road)
    looks(road)
    road.presses("a", "Lấy mã quay lại")
    (code,) = [line for line in road.last("a").split("\n") if line.startswith("Mã của bạn:")]
    assert "▸ Lấy mã quay lại" in road.transcript(case)
    road.starts("b", channel="web")
    road.sends("b", MessageKind.CODE, channel="web", text=code.removeprefix("Mã của bạn:"))
    assert road.case(case).contact_uid == road.find("b", "web").uid


def test_not_now_says_nothing_more(road: Road, hoa: Staff) -> None:
    talking(road, hoa)
    silent(road)
    looks(road)
    said = len(road.texts("a"))
    road.presses("a", "Để sau")
    assert len(road.texts("a")) == said


def test_after_a_gap_the_old_button_gives_no_code_to_whoever_holds_the_phone(road: Road, hoa: Staff) -> None:
    talking(road, hoa)
    silent(road)
    looks(road)
    silent(road, 60)
    before = len(road.texts("a"))
    road.presses("a", "Lấy mã quay lại")
    assert not [text for text in road.texts("a")[before:] if "Mã của bạn" in text]


def test_a_reply_past_the_window_is_refused_and_the_desk_says_so(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.now += timedelta(days=7)
    with pytest.raises(WindowShut):
        road.reply(hoa, case)
    road.types("a", EMERGENCY)
    assert not road.says(hoa, case, "Chị vẫn đây.").again


def shown(road: Road, hoa: Staff, case: Case) -> dict[str, object]:
    deps, _, _ = make_deps(windows={"tg": WEEK})
    view = road.peek(hoa, case)
    content = words.case(view, deps, road.now)
    return {"facts": dict(content["facts"]).get(DESK["window"], ""), "banners": {b["kind"] for b in content["banners"]}}


def test_the_desk_shows_what_is_left_of_the_window(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    fresh = shown(road, hoa, case)
    assert DESK["window_free"] in str(fresh["facts"])
    road.now += timedelta(hours=49)
    assert DESK["window_billed"] in str(shown(road, hoa, case)["facts"])
    road.now += timedelta(days=6)
    late = shown(road, hoa, case)
    assert late["facts"] == DESK["window_shut"]
    assert "window_shut" in late["banners"]  # type: ignore[operator]


def test_the_offer_is_a_line_like_any_other_for_staff(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    silent(road)
    looks(road)
    lines = road.do(lambda uow: uow.lines.of_case(case.uid))
    assert lines[-1].direction is Direction.OUT
    assert "đến" in lines[-1].text


# --- the rule -----------------------------------------------------------------------------------------------------------

AT = datetime(2026, 11, 23, tzinfo=UTC)


@given(
    free=st.none() | st.integers(1, 100),
    open_=st.none() | st.integers(1, 400),
    pays=st.booleans(),
    later=st.integers(0, 500),
)
def test_a_window_is_shut_exactly_from_its_end_on(free: int | None, open_: int | None, pays: bool, later: int) -> None:
    window = ReplyWindow(
        free_for=timedelta(hours=free) if free else None, open_for=timedelta(hours=open_) if open_ else None, pays=pays
    )
    lengths = [open_] if pays else [free, open_]
    shuts = min((one for one in lengths if one is not None), default=None)
    assert window.is_shut(AT, AT + timedelta(hours=later)) is (shuts is not None and later >= shuts)
    assert not window.is_shut(None, AT)
    assert not ALWAYS_OPEN.is_shut(AT, AT + timedelta(days=9999))
    assert replace(window, pays=True).shuts_at(AT) == (AT + timedelta(hours=open_) if open_ else None)
