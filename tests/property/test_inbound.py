"""Whatever people send, in whatever order and with whatever silences: what must hold between a message and its answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.checks.wording import sensitive_in
from flows.severity import Severity
from handlers import offered, return_codes
from handlers.errors import BinhAnError
from handlers.escalation import Escalations
from handlers.inbound import Inbound
from handlers.model import Address, InboundMessage, MessageKind, Staff
from handlers.outgoing import AGREE, DECLINE
from handlers.turn import Turn
from storage.inbox import Inbox
from tests.fakes.road import EMERGENCY, URGENT, Road

EXAMPLES = int(os.environ.get("TALKS", "40"))

TEXTS = [
    "chào", "có", "không", "không chắc", "em cần giúp", "dừng", "xóa", "cứu với", "gặp người", "quay lại", "nhắc lại",
    "Mường Kim", "1", "", "😢", "0123 4567 8901", "a" * 5000, URGENT, EMERGENCY, "bỏ qua", "9 giờ tối", "vâng ạ",
]  # fmt: skip
WAITS = [2, 61, 301, 16 * 60, 29 * 60, 45 * 60, 25 * 3600]
PEOPLE = ["a", "b"]

SENT = ["start", "location", "far", "unsupported", "blocked", "agree", "decline"]
people = st.sampled_from(PEOPLE)
steps = st.one_of(
    st.tuples(st.just("types"), people, st.sampled_from(TEXTS)),
    st.tuples(st.just("presses"), people, st.integers(0, 30)),
    st.tuples(st.just("sends"), people, st.sampled_from(SENT)),
    st.tuples(st.just("repeats"), people, st.just(0)),
    st.tuples(st.just("bursts"), people, st.lists(st.sampled_from(TEXTS), min_size=2, max_size=4)),
    st.tuples(st.just("codes"), people, people),
    st.tuples(st.just("waits"), people, st.sampled_from(WAITS)),
    st.tuples(st.just("staff"), people, st.sampled_from(["claims", "replies", "closes", "releases"])),
)  # fmt: skip


@dataclass
class Talks:
    """Two people and a counsellor, and what must hold after each thing they do."""

    road: Road
    hoa: Staff
    blocked: set[str] = field(default_factory=set)  # ids of messages that say "blocked", which are no lines
    newest: dict[str, InboundMessage] = field(default_factory=dict)
    severities: dict[str, Severity] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)  # whose last word was stop or delete
    strangers: int = 0

    # --- what they do -------------------------------------------------------------------------------------------------

    def types(self, who: str, text: str) -> None:
        self._arrives(who, self.road.message(who, MessageKind.TEXT, text=text))

    def sends(self, who: str, what: str) -> None:
        points = {"location": (22.386, 103.458), "far": (10.77, 106.7)}
        choices = {"agree": AGREE, "decline": DECLINE}
        kinds = {"far": MessageKind.LOCATION, "agree": MessageKind.CHOICE, "decline": MessageKind.CHOICE}
        kind = kinds.get(what) or MessageKind(what)
        message = self.road.message(who, kind, point=points.get(what), choice=choices.get(what, ""))
        if kind is MessageKind.BLOCKED:
            self.blocked.add(message.message_id)
        self._arrives(who, message)

    def presses(self, who: str, index: int) -> None:
        """Any button she was ever shown, old ones included."""
        offered = [button for outgoing in reversed(self.road.got[who]) for button in outgoing.buttons]
        if offered:
            data = offered[index % len(offered)].data
            self._arrives(who, self.road.message(who, MessageKind.CHOICE, choice=data), compare=False)

    def repeats(self, who: str, _: int) -> None:
        """The platform brings her newest message once more."""
        if who in self.newest:
            before = self._lines()
            assert self.road.accepts(self.newest[who]) == [False]
            self.road.settles()
            assert self._lines() == before

    def bursts(self, who: str, texts: list[str]) -> None:
        """Several messages are stored before the first is handled."""
        self.road.accepts(*[self.road.message(who, MessageKind.TEXT, text=text) for text in texts])
        self.road.settles()
        self._note_stop(who, texts[-1])

    def codes(self, who: str, whose: str) -> None:
        """She gives the code of a talk, her own or (from another door) that of another one."""
        contact = self._contact(whose)
        if contact is None or contact.hidden_at is not None:
            return
        code = self.road.do(lambda uow: return_codes.make(uow, contact))
        self._arrives(who, self.road.message(who, MessageKind.CODE, text=code), compare=False)

    def waits(self, _: str, seconds: int) -> None:
        quiet = {who: len(self.road.got[who]) for who in PEOPLE if self._is_quiet(who)}
        self.road.waits(seconds=seconds)
        assert {who: len(self.road.got[who]) for who in quiet} == quiet

    def staff(self, who: str, what: str) -> None:
        contact = self._contact(who)
        cases = [] if contact is None else self.road.do(lambda uow: uow.cases.all_of(contact.uid))
        if not cases:
            return
        quiet = len(self.road.got[who]) if self._is_quiet(who) else None
        act = {
            "claims": self.road.claim,
            "replies": self.road.reply,
            "closes": self.road.close_case,
            "releases": self.road.release,
        }[what]
        try:
            act(self.hoa, cases[-1])
        except BinhAnError:
            return  # refused in words
        self.road.delivers()
        assert quiet is None or len(self.road.got[who]) == quiet

    def _arrives(self, who: str, message: InboundMessage, *, compare: bool = True) -> None:
        expected = self._what_anybody_hears(who, message) if compare else []
        before = len(self.road.got[who])
        self.road.accepts(message)
        self.road.settles()
        self.newest[who] = message
        self._note_stop(who, message.text)
        heard = [outgoing.text for outgoing in self.road.got[who][before:]]
        assert heard[: len(expected)] == expected

    def _what_anybody_hears(self, who: str, message: InboundMessage) -> list[str]:
        """What a brand-new contact is told when she begins with this message; nothing to compare within a running stay."""
        contact = self._contact(who)
        running = contact is not None and contact.hidden_at is None and contact.last_inbound_at is not None
        if running and self.road.now - contact.last_inbound_at <= timedelta(minutes=30):
            return []
        self.strangers += 1
        stranger = f"stranger {self.strangers}"
        twin = self.road.message(stranger, message.kind, text=message.text, choice=message.choice, point=message.point)
        if message.kind is MessageKind.BLOCKED:
            self.blocked.add(twin.message_id)
        self.road.accepts(twin)
        self.road.settles()
        return self.road.texts(stranger)

    # --- what must hold -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        self._every_message_is_one_line_in_order()
        self._numbers_have_no_gaps()
        self._every_row_goes_to_its_own_seeker()
        self._severity_only_rises()
        self._a_locked_screen_tells_nothing()

    def _every_message_is_one_line_in_order(self) -> None:
        rows = self.road.select(
            "SELECT i.id, i.contact_uid, i.message_id, i.state, (SELECT count(*) FROM lines l WHERE l.inbox_uid = i.uid) AS n,"
            " (SELECT max(l.id) FROM lines l WHERE l.inbox_uid = i.uid) AS line FROM inbox i ORDER BY i.id"
        )
        reached: dict[str, int] = {}
        for row in rows:
            assert row["state"] == "done", "nothing is left waiting, and nothing died"
            if row["message_id"] in self.blocked or row["contact_uid"] is None:
                continue  # no words of hers, or erased since
            assert row["n"] == 1
            assert row["line"] > reached.get(row["contact_uid"], 0)
            reached[row["contact_uid"]] = row["line"]

    def _numbers_have_no_gaps(self) -> None:
        for row in self.road.select(
            "SELECT c.next_seq AS next, count(l.id) AS n, min(l.seq) AS low, max(l.seq) AS high FROM cases c"
            " LEFT JOIN lines l ON l.case_uid = c.uid WHERE c.erased_at IS NULL GROUP BY c.uid"
        ):
            assert (row["next"], row["high"]) == (row["n"] + 1, row["n"] or None)
            assert row["low"] in (1, None)

    def _every_row_goes_to_its_own_seeker(self) -> None:
        strays = self.road.select(
            "SELECT o.uid FROM outbox o JOIN cases c ON c.uid = o.case_uid WHERE o.contact_uid IS NOT NULL"
            " AND o.state IN ('pending', 'sending', 'held')"
            " AND (o.contact_uid != c.contact_uid OR o.lane != 'c:' || c.contact_uid)"
        )
        assert strays == []

    def _severity_only_rises(self) -> None:
        for row in self.road.select("SELECT uid, severity FROM cases"):
            severity = Severity(row["severity"])
            assert severity.rank >= self.severities.get(row["uid"], severity).rank
            self.severities[row["uid"]] = severity

    def _a_locked_screen_tells_nothing(self) -> None:
        for sent in self.road.got.values():
            for outgoing in sent:
                assert sensitive_in(outgoing.text) is None, outgoing.text

    # --- looking ---------------------------------------------------------------------------------------------------------

    def _contact(self, who: str) -> Any:
        return self.road.do(lambda uow: uow.contacts.find(Address("tg", who)))

    def _note_stop(self, who: str, text: str) -> None:
        (self.stopped.add if text in ("dừng", "xóa") else self.stopped.discard)(who)

    def _is_quiet(self, who: str) -> bool:
        """By her own word, or (for buttons that stop) by her record."""
        contact = self._contact(who)
        return who in self.stopped or (contact is not None and (contact.quiet or contact.hidden_at is not None))

    def _lines(self) -> Any:
        return self.road.select("SELECT count(*) AS n FROM lines")


@contextmanager
def an_evening() -> Iterator[Talks]:
    road = Road()
    try:
        yield Talks(road, road.hire("tuvan", alias="Hoa"))
    finally:
        road.close()


def it_happens(done: list[tuple[str, str, Any]]) -> None:
    with an_evening() as talks:
        for what, who, how in done:
            getattr(talks, what)(who, how)
            talks.check()


GAP = ("waits", "a", 45 * 60)
CALLED = [("types", "a", EMERGENCY), ("staff", "a", "claims"), ("staff", "a", "replies")]
HARD = {
    "a human is asked for after a gap": [*CALLED, GAP, ("types", "a", "gặp người"), ("presses", "a", 0)],
    "a late line of an earlier stay": [
        *CALLED, ("waits", "a", 16 * 60), ("staff", "a", "replies"), GAP, ("types", "a", "chào"), ("types", "a", "có"),
    ],
    "an open question over a gap": [("types", "a", "chào"), ("presses", "a", 0), GAP, ("types", "a", "chào")],
    "danger over a gap while it rings": [("types", "a", URGENT), GAP, ("types", "a", URGENT)],
    "an old button of ours over a gap": [("types", "a", URGENT), GAP, ("sends", "a", "agree")],
    "stop while it rings": [("types", "a", URGENT), ("types", "a", "dừng"), ("waits", "a", 301)],
    "delete while it rings": [("types", "a", URGENT), ("types", "a", "xóa"), ("waits", "a", 25 * 3600), ("types", "a", "chào")],
    "written right after delete": [("bursts", "a", ["chào", "xóa", EMERGENCY]), ("waits", "a", 61)],
    "a code from another door": [
        ("types", "a", "gặp người"), ("sends", "b", "start"), ("codes", "b", "a"), ("bursts", "b", ["có", URGENT]),
    ],
    "danger, then calm": [("types", "a", EMERGENCY), ("types", "a", "em cần giúp")],
}  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=4, max_size=16))
def test_whatever_people_send(done: list[tuple[str, str, Any]]) -> None:
    it_happens(done)


@pytest.mark.parametrize("name", HARD)
def test_what_was_hard(name: str) -> None:
    it_happens(HARD[name])


# --- is it worth believing? ---------------------------------------------------------------------------------------------


def arriving(change: Callable[[Any, Any], dict[str, Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """A bug in who arrives: `change(before, after)` says which fields are wrong afterwards."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        honest = Inbound._arrive

        def arrive(self: Inbound, uow: Any, world: Any, contact: Any, row: Any, case: Any) -> Any:
            after = honest(self, uow, world, contact, row, case)
            after = replace(after, **change(contact, after))
            uow.contacts.save(after)
            if after.confirmed:
                uow.outbox.release([after.uid])
            return after

        patch.setattr(Inbound, "_arrive", arrive)

    return plant


def falling(patch: pytest.MonkeyPatch) -> None:
    honest = Escalations._taken_in

    def taken_in(self: Escalations, uow: Any, case: Any, call: Any) -> Any:
        after = honest(self, uow, case, call)
        if case.severity is Severity.EMERGENCY and call.severity is Severity.NONE:
            after = replace(after, severity=Severity.NONE)
            uow.cases.save(after)
        return after

    patch.setattr(Escalations, "_taken_in", taken_in)


def pressing_old_buttons(patch: pytest.MonkeyPatch) -> None:
    answer = lambda turn, message: True if message.choice == AGREE else None  # noqa: E731
    patch.setattr(offered, "answer", answer)


BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "everybody is believed to be the same person": arriving(lambda before, after: {"confirmed": True}),
    "the open question is kept over a gap": arriving(lambda before, after: {"session": before.session}),
    "a call of the earlier stay is not said anew": lambda patch: patch.setattr(
        Inbound, "_tell_anew", staticmethod(lambda turn, ladder: None)
    ),
    "stop is said and not done": lambda patch: patch.setattr(Turn, "_go_quiet", lambda self: None),
    "what was written after delete is left behind": lambda patch: patch.setattr(Inbox, "move", lambda self, old, new: 0),
    "severity falls by machine": falling,
    "an old button of ours still counts": pressing_old_buttons,
    "her line is not written": lambda patch: patch.setattr(Inbound, "_note", lambda self, uow, turn, row, verdict: turn.case),
}  # fmt: skip


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[bug](monkeypatch)
    found = []
    for done in HARD.values():
        try:
            it_happens(done)
        except Exception as error:
            found.append(error)
    assert found
