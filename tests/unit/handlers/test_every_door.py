"""Whoever asks to be erased is hidden at once and destroyed a day later, whatever door she asks at and whatever is going on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers import audit
from handlers.inbound import Inbound
from handlers.model import Address, MessageKind
from tests.fakes.road import URGENT, Road

WORDS = ("xóa", "XOÁ", "xoa", "Xóa.", "delete")
CANARY = "em tên không nói, em ở bản Nậm Ngà"


def asks(road: Road, channel: str) -> None:
    road.types("a", CANARY, channel)


def at_the_beginning(road: Road, channel: str) -> None:
    road.starts("a", channel)


def in_a_talk(road: Road, channel: str) -> None:
    road.starts("a", channel)
    road.types("a", "có", channel)
    asks(road, channel)


def after_stop(road: Road, channel: str) -> None:
    asks(road, channel)
    road.types("a", "dừng", channel)


def after_a_day_of_silence(road: Road, channel: str) -> None:
    asks(road, channel)
    road.waits(hours=25)


def while_a_human_talks_below_urgent(road: Road, channel: str) -> None:
    asks(road, channel)
    hoa = road.hire("tuvan", alias="Hoa")
    road.types("a", "gặp người", channel)
    road.types("a", "chỉ lúc này", channel)
    case = road.meets("a", hoa, channel)
    road.says(hoa, case, "Chào bạn, Hoa nghe đây.")


MOMENTS = [at_the_beginning, in_a_talk, after_stop, after_a_day_of_silence, while_a_human_talks_below_urgent]


@pytest.mark.parametrize("channel", ["tg", "web"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_from_every_door_and_at_every_moment(road: Road, channel: str, moment: Callable[[Road, str], None]) -> None:
    moment(road, channel)
    contact, case = road.find("a", channel), road.case_of("a", channel)
    hers = [one.uid for one in road.do(lambda uow: uow.cases.all_of(contact.uid))]
    road.types("a", "xóa", channel)
    hidden = road.do(lambda uow: uow.contacts.get(contact.uid))
    assert hidden.hidden_at == road.now
    assert hidden.quiet
    assert audit.ERASURE_ASKED in road.audit()
    if channel == "web":  # her page shows nothing of it any more
        assert CANARY not in repr(road.sees("a"))
    before = len(road.got["a"])
    road.waits(hours=23)
    assert len(road.got["a"]) == before  # nothing lights up her phone
    road.waits(hours=1, minutes=1)
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(contact.uid))
    for uid in [*hers, case.uid]:
        with pytest.raises(KeyError):
            road.do(lambda uow, uid=uid: uow.cases.get(uid))
    assert road.select("SELECT count(*) AS n FROM lines") == [{"n": 0}]
    # She is greeted like anybody.
    road.types("a", "chào", channel)
    assert road.find("a", channel).uid != contact.uid
    assert road.find("a", channel).hidden_at is None


@pytest.mark.parametrize("word", WORDS)
def test_however_the_word_is_typed(road: Road, word: str) -> None:
    asks(road, "tg")
    contact = road.find("a")
    road.types("a", word)
    assert road.do(lambda uow: uow.contacts.get(contact.uid)).hidden_at == road.now


def test_also_when_the_program_fails_at_her_words(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard's way: no flow runs, a human reads, and she is hidden all the same; the wish is in the audit log."""
    asks(road, "tg")
    contact = road.find("a")

    def fails(self: Inbound, *_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(Inbound, "_handle", fails)
        road.accepts(road.message("a", MessageKind.TEXT, text="xóa"))
        for _ in range(3):
            road.handles(contact.uid)
            road.now = road.do(lambda uow: uow.contacts.get(contact.uid)).next_run_at or road.now
    assert road.do(lambda uow: uow.contacts.get(contact.uid)).hidden_at is not None
    assert audit.ERASURE_ASKED in road.audit()


def test_at_urgent_she_is_hidden_and_a_human_is_still_called(road: Road) -> None:
    road.types("a", URGENT)
    case = road.case_of("a")
    road.types("a", "xóa")
    assert road.escalation(case) is not None
    assert road.case(case).retracted_at is not None
    assert road.do(lambda uow: uow.contacts.find(Address("tg", "a"))).hidden_at is not None
