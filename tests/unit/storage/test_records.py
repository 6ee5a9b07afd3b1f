"""What of a record is written: only the columns that have changed since it was read, and nothing when nothing has."""

from __future__ import annotations

from datetime import UTC, datetime

from handlers.evolving import evolve
from handlers.model import Contact
from storage.records import Buffer, Mapping, alike
from storage.tables import contacts

ROWS = Mapping(contacts, Contact)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HER = Contact(uid="u1", channel="tg", pending=1)


def test_only_what_has_changed_is_named() -> None:
    assert ROWS.changes(evolve(HER, pending=2, last_inbound_at=NOW), HER) == {
        "b_uid": "u1",
        "pending": 2,
        "last_inbound_at": NOW,
    }
    assert set(ROWS.changes(HER)) == {*ROWS.names, "b_uid"} - {"uid"}, "all of it when nobody knows what stands there"


def test_changes_of_the_same_columns_go_together_and_what_changes_nothing_is_left_out() -> None:
    one, two, three = ({"b_uid": uid, "pending": 1} for uid in "abc")
    other = {"b_uid": "d", "quiet": True}
    assert alike([one, {"b_uid": "e"}, two, other, three]) == [[one, two, three], [other]]


def test_a_record_that_ends_as_it_was_read_is_not_written() -> None:
    buffer: Buffer[Contact] = Buffer()
    buffer.seen(HER)
    buffer.save(evolve(HER, pending=2))
    buffer.save(evolve(HER, pending=1))
    changed, added = buffer.take()
    assert alike(ROWS.changes(record, before) for record, before in changed) == []
    assert added == []


def test_the_second_flush_compares_with_the_first() -> None:
    buffer: Buffer[Contact] = Buffer()
    buffer.add(HER)
    assert buffer.take() == ([], [HER])
    later = evolve(HER, pending=2)
    buffer.save(later)
    assert buffer.take() == ([(later, HER)], [])
    last = evolve(later, quiet=True)
    buffer.save(last)
    ((record, before),) = buffer.take()[0]
    assert ROWS.changes(record, before) == {"b_uid": "u1", "quiet": True}


def test_what_was_not_read_under_a_lock_is_written_whole() -> None:
    buffer: Buffer[Contact] = Buffer()
    buffer.save(HER)
    assert buffer.take() == ([(HER, None)], [])
