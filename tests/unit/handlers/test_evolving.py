"""Copies of records and random bytes on the message path: the same as the library's, only cheaper."""

from __future__ import annotations

import dataclasses
import multiprocessing
import uuid
from datetime import UTC, datetime
from threading import Thread

import pytest

from flows.severity import Severity
from handlers.chance import chance
from handlers.evolving import evolve, maker
from handlers.model import Case, Contact, identifiers, new_row_uid, new_uid

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A record that checks what it is given."""

    low: int
    high: int

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if self.low > self.high:
            raise ValueError


def test_an_evolved_record_equals_a_replaced_one_and_leaves_the_first_as_it_was() -> None:
    case = Case(uid=new_uid(), contact_uid=new_uid(), code="K7-R4M2", opened_at=NOW, channel="tg")
    before = dataclasses.replace(case)
    changed = evolve(case, severity=Severity.URGENT, next_seq=7)
    assert changed == dataclasses.replace(case, severity=Severity.URGENT, next_seq=7)
    assert case == before
    assert changed is not case


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="pendign"):
        evolve(Contact(uid=new_uid(), channel="tg"), pendign=1)


def test_a_record_that_checks_itself_is_not_copied_behind_its_back() -> None:
    with pytest.raises(TypeError, match="replace"):
        evolve(Checked(1, 2), low=3)


def test_a_uid_is_a_uuid_of_our_own_kind_and_never_comes_twice() -> None:
    made = [new_uid() for _ in range(600)]
    assert len({uid[5:] for uid in made}) == 600
    for uid in map(uuid.UUID, made):
        assert (uid.version, uid.variant) == (8, uuid.RFC_4122)


def test_uids_of_one_hour_stand_together_after_those_of_the_hour_before(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1_795_885_200.0
    monkeypatch.setattr(identifiers, "time", lambda: at)
    earlier = [new_uid() for _ in range(50)]
    at += 3600
    later = [new_uid() for _ in range(50)]
    assert max(earlier) < min(later)
    assert len({uid[:5] for uid in earlier}) == 1, "the hour and nothing finer"


def test_uids_of_rows_stand_in_the_order_of_their_milliseconds_and_behind_those_of_people_of_the_hour_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 1_795_885_199.999
    monkeypatch.setattr(identifiers, "time", lambda: at)
    people, before = [new_uid() for _ in range(50)], [new_row_uid() for _ in range(50)]
    at = 1_795_885_200.0
    first = [new_row_uid() for _ in range(50)]
    at = 1_795_885_200.002
    later = [new_row_uid() for _ in range(600)]
    assert max(people + before) < min(first)
    assert max(first) < min(later)
    assert len({uid[11:] for uid in later}) == 600
    for uid in map(uuid.UUID, later):
        assert (uid.version, uid.variant) == (8, uuid.RFC_4122)


def test_a_record_is_made_of_a_row_and_of_what_is_given_beside_it() -> None:
    make = maker(Contact, ("uid", "channel", "pending"))
    assert make(("u1", "tg", 3, "more"), {"session": {"a": 1}}) == Contact(
        uid="u1", channel="tg", session={"a": 1}, pending=3
    )
    with pytest.raises(TypeError, match="channel"):
        maker(Contact, ("uid",))(("u1",), {})


def test_no_bytes_are_given_out_twice_by_several_threads() -> None:
    given: list[bytes] = []
    threads = [Thread(target=lambda: given.extend([chance() for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == len(given) == 8000
    assert {len(one) for one in given} == {16}


def test_a_forked_process_gives_out_none_of_its_parents_bytes() -> None:
    chance()  # some are kept now
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send([chance() for _ in range(300)]))
    child.start()
    assert ours.poll(20), "the child answers"
    received = ours.recv()
    child.join(20)
    assert not set(received) & {chance() for _ in range(300)}
