"""*xóa* takes away what the platform lets us take away, before anything else is said, in every state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from handlers.delivery import Claiming, Report, claim, record
from handlers.model import MessageKind, Outcome, Outgoing, Staff
from handlers.ports import SendResult
from handlers.wiping import AT_ONCE, sweep
from tests.fakes.road import EMERGENCY, PULLED, Road


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road()
    yield road
    road.close()


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


class Phone:
    """Her chat on a platform that numbers messages and can take them away."""

    def __init__(self, road: Road) -> None:
        self.road, self.numbers = road, 0
        self.shown: dict[str, str] = {}
        self.order: list[str] = []  # what the bot did, in order: "say" or "wipe"

    def writes(self, text: str, kind: MessageKind = MessageKind.TEXT) -> None:
        self.numbers += 1
        self.shown[str(self.numbers)] = text
        self.road.accepts(self.road.message("a", kind, text=text, handle=str(self.numbers)))
        uid = self.road.find("a").uid
        self.road.handles(uid)
        self.delivers()

    def delivers(self) -> None:
        while jobs := self.road.run(claim, Claiming(64, PULLED)):
            for job in jobs:
                self.road.run(record, Report(job, self.takes(job.row.outgoing)))

    def takes(self, outgoing: Outgoing | None) -> SendResult:
        if outgoing is None:
            return SendResult(outcome=Outcome.SENT)
        if outgoing.wipe:
            self.order.append("wipe")
            assert len(outgoing.wipe) <= AT_ONCE
            for handle in outgoing.wipe:
                self.shown.pop(handle, None)
            return SendResult(outcome=Outcome.SENT)
        self.order.append("say")
        self.numbers += 1
        self.shown[str(self.numbers)] = outgoing.text
        return SendResult(outcome=Outcome.SENT, handles=(str(self.numbers),))


@pytest.mark.parametrize("state", ["greeted", "in a flow", "ringing", "a human talks", "stopped"])
def test_delete_takes_everything_away_first_in_every_state(road: Road, hoa: Staff, state: str) -> None:
    phone = Phone(road)
    phone.writes("chào")
    if state == "in a flow":
        phone.writes("có")
    elif state in ("ringing", "a human talks"):
        phone.writes(EMERGENCY)
        if state == "a human talks":
            case = road.case_of("a")
            road.claim(hoa, case)
            road.reply(hoa, case, "Chị đây.")
            phone.delivers()
            assert "Chị đây." in phone.shown.values()
    elif state == "stopped":
        phone.writes("dừng")
    phone.order.clear()
    phone.writes("xóa")
    assert phone.order[0] == "wipe"
    left = list(phone.shown.values())
    assert left
    assert all(text.startswith(("Vâng, mình làm xong", "Bạn xem thêm")) for text in left), "only the farewell"
    phone.delivers()
    assert list(phone.shown.values()) == left, "and quiet"


def test_after_delete_nothing_is_remembered_of_her_chat(road: Road) -> None:
    phone = Phone(road)
    phone.writes("chào")
    uid = road.find("a").uid
    assert road.do(lambda uow: uow.handles.of(uid, "trace"))
    phone.writes("xóa")
    left = road.do(lambda uow: uow.handles.of(uid, "trace"))
    assert {one.handle for one in left} == set(phone.shown), "the farewell alone"
    road.waits(hours=25)
    assert road.do(lambda uow: uow.handles.of(uid, "trace")) == []


def test_what_is_too_old_is_not_tried_and_forgotten(road: Road) -> None:
    phone = Phone(road)
    phone.writes("chào")
    uid = road.find("a").uid
    road.now += timedelta(hours=48)
    phone.writes("em quay lại")
    fresh = [one.handle for one in road.do(lambda uow: uow.handles.of(uid, "trace")) if one.at == road.now]
    assert road.do(sweep) > 0
    assert [one.handle for one in road.do(lambda uow: uow.handles.of(uid, "trace"))] == fresh


def test_many_messages_go_a_hundred_at_a_time(road: Road) -> None:
    phone = Phone(road)
    for number in range(AT_ONCE + 20):
        phone.writes(f"tin {number}")
    phone.writes("xóa")
    assert phone.order.count("wipe") >= 2
    assert all(not text.startswith("tin ") for text in phone.shown.values())


def test_channels_that_cannot_take_away_have_nothing_to_take_away(road: Road) -> None:
    road.types("a", "chào")
    road.types("a", "xóa")
    assert not [outgoing for outgoing in road.got["a"] if outgoing.wipe]


def test_a_wipe_does_not_travel_to_another_door(road: Road, hoa: Staff) -> None:
    """She deletes, thinks better of it, and comes back by her code elsewhere: those numbers mean nothing there."""
    phone = Phone(road)
    phone.writes(EMERGENCY)
    uid = road.find("a").uid
    from handlers import return_codes

    code = road.do(lambda uow: return_codes.make(uow, uow.contacts.get(uid)))
    road.accepts(road.message("a", MessageKind.TEXT, text="xóa", handle="99"))
    road.handles(uid)
    road.starts("b", channel="web")
    road.sends("b", MessageKind.CODE, channel="web", text=code)
    moved = road.find("b", "web").uid
    assert not [row for row in road.do(lambda uow: uow.outbox.fetch(moved)) if row.outgoing and row.outgoing.wipe]
