"""One night at the hotline, as a machine that people, time and crashes push around: the invariants hold after every step.

The rules are those of a real night: seekers write, ask, take back; counsellors claim, race, reply, release, close, leave;
shifts begin and end; the clock jumps; the process dies before any statement and the same is delivered again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from flows.severity import Severity
from handlers.errors import (
    AlreadyClaimed,
    BinhAnError,
    CaseClosed,
    NoSuchCase,
    NotAgreed,
    NotAllowed,
    NotReachable,
    NotYours,
    StaleClaim,
)
from handlers.escalation import Reason
from handlers.model import (
    Case,
    Direction,
    Disposition,
    DutySwitch,
    Escalation,
    EscalationState,
    Leaving,
    Outcome,
    Role,
    Staff,
)
from handlers.rules.ladder import LAST_RESORT, RUNGS
from tests.fakes.hotline import Crash, Hotline

HELD = (EscalationState.CLAIMED, EscalationState.OWING, EscalationState.ANSWERED)
CRASHES = st.none() | st.integers(0, 25)
SEVERITIES = st.sampled_from(
    [Severity.NONE, Severity.STANDARD, Severity.URGENT, Severity.EMERGENCY, Severity.EMERGENCY]
)


class Board:
    """Who stands on which rung: a board that a test rewrites."""

    def __init__(self) -> None:
        self.rungs: dict[str, set[str]] = {rung: set() for rung in RUNGS}
        self.ends: dict[str, datetime] = {}

    def on_rung(self, rung: str, staff: Sequence[Staff], now: datetime) -> list[Staff]:
        there = [one for one in staff if one.enabled]
        return there if rung == LAST_RESORT else [one for one in there if self.stands(one, rung, now)]

    def stands(self, one: Staff, rung: str, now: datetime) -> bool:
        return one.name in self.rungs[rung] and (one.name not in self.ends or now < self.ends[one.name])

    def on_duty(self, one: Staff, now: datetime) -> bool:
        return any(self.stands(one, rung, now) for rung in RUNGS)

    def leaves_at(self, staff: Staff, now: datetime) -> datetime | None:
        end = self.ends.get(staff.name)
        return end if end is not None and end - now <= timedelta(minutes=10) else None

    def switch_until(self, staff: Staff, now: datetime) -> datetime:
        return now + timedelta(hours=12)

    def gap_ahead(self, now: datetime) -> None:
        return None


class Night(RuleBasedStateMachine):
    """One night at the hotline."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()
        self.hotline = Hotline(duty=self.board)
        self.staff: list[Staff] = []
        self.cases: list[Case] = []
        self.claims: set[tuple[str, int]] = set()
        self.may_end: set[str] = set()  # escalations whose end a person has brought about
        self.where: dict[str, tuple[int, int, int]] = {}
        self.worst: dict[str, Severity] = {}
        self.hushed: set[str] = set()
        self.disabled: set[str] = set()
        self.signs: Counter[str] = Counter()  # danger signs in a talk, by case
        self.shifts_called: set[tuple[str, str]] = set()  # (call, who left it): the next shift was called for that
        self.shift_epochs: set[tuple[str, int]] = set()
        self.seen: dict[str, Any] = {}
        self.audited = 0

    def teardown(self) -> None:
        assert self.hotline.do(lambda uow: uow.audit.verify()) is None, "I15: the chain of the audit log holds"
        self.hotline.close()

    @initialize(
        second=st.sampled_from([Severity.URGENT, Severity.STANDARD, Severity.NONE]),
        empty=st.sampled_from(["", "on_duty", "backup", "supervisor"]),
    )
    def opens(self, second: Severity, empty: str) -> None:
        for name, role in (("an", Role.COUNSELLOR), ("binh", Role.COUNSELLOR), ("chi", Role.SUPERVISOR)):
            self.staff.append(self.hotline.hire(name, role))
        self.board.rungs.update(on_duty={"an", "binh"}, backup={"binh"}, supervisor={"chi"})
        self.board.rungs[empty] = set()
        self.cases.append(self.hotline.arrive("s0"))
        self.hotline.writes(self.cases[0], Severity.EMERGENCY, "dv_physical")
        self.cases.append(self.hotline.arrive("s1"))
        self.hotline.writes(self.cases[1], second, "dv_psych_econ")

    # --- helpers of the rules ---------------------------------------------------------------------------------------

    def again_after_crash(self, crash_at: int | None, work: Callable[[], Any]) -> Any:
        """Do it; when the process dies on the way, the same is delivered again."""
        self.hotline.crash_at = crash_at
        try:
            result = work()
        except Crash:
            result = work()
        finally:
            self.hotline.crash_at = None
        return result

    def which(self, number: int) -> Case:
        return self.cases[number % len(self.cases)]

    def who(self, number: int) -> Staff:
        return self.staff[number % len(self.staff)]

    def refused(self, me: Staff, work: Callable[[], Any]) -> bool:
        """Somebody who is disabled may do nothing."""
        if me.uid not in self.disabled:
            return False
        with pytest.raises(NotAllowed):
            work()
        return True

    def is_open(self, case: Case) -> bool:
        return self.hotline.case(case).closed_at is None

    # --- seekers ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.cases) < 3)
    @rule(severity=SEVERITIES)
    def somebody_comes(self, severity: Severity) -> None:
        self.cases.append(self.hotline.arrive(f"s{len(self.cases)}"))
        self.hotline.writes(self.cases[-1], severity, "dv_physical")

    @rule(number=st.integers(0, 2), severity=SEVERITIES, crash_at=CRASHES)
    def writes(self, number: int, severity: Severity, crash_at: int | None) -> None:
        case = self.which(number)
        if self.is_open(case):
            self.signs[case.uid] += severity is Severity.EMERGENCY and self.hotline.case(case).human
            self.again_after_crash(crash_at, lambda: self.hotline.writes(case, severity))

    @rule(number=st.integers(0, 2), crash_at=CRASHES)
    def danger_during_a_talk(self, number: int, crash_at: int | None) -> None:
        case = self.which(number)
        if self.hotline.case(case).human:
            self.signs[case.uid] += 1
            self.again_after_crash(crash_at, lambda: self.hotline.writes(case, Severity.EMERGENCY))

    @rule(number=st.integers(0, 2), yes=st.booleans())
    def answers_the_offer(self, number: int, yes: bool) -> None:
        case = self.which(number)
        before = self.hotline.escalation(case)
        if before is None or not yes:
            return
        self.hotline.on_case(case, self.hotline.escalations.agree)

    @rule(number=st.integers(0, 2), reason=st.sampled_from([Reason.ASKED, Reason.DEAD_LETTER]), crash_at=CRASHES)
    def asks_or_breaks_us(self, number: int, reason: Reason, crash_at: int | None) -> None:
        case = self.which(number)
        if self.is_open(case):
            self.again_after_crash(crash_at, lambda: self.hotline.writes(case, reason=reason))

    @rule(number=st.integers(0, 2), stops=st.booleans())
    def takes_back(self, number: int, stops: bool) -> None:
        case = self.which(number)
        if not self.is_open(case):
            return
        before, then = self.hotline.escalation(case), self.hotline.case(case)
        ended = self.hotline.cancels(case, quiet=stops)
        if stops:
            self.hotline.change_contact(case, quiet=True)
            self.hushed.add(case.uid)
        allowed = before is not None and before.asked_for and not then.severity.at_least(Severity.URGENT)
        assert ended == allowed, "she can cancel exactly what she asked for herself below urgent"
        if before is not None and ended:
            self.may_end.add(before.uid)

    # --- staff ------------------------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), behind=st.sampled_from([0, 0, 0, 1]), crash_at=CRASHES)
    def claims_it(self, number: int, person: int, behind: int, crash_at: int | None) -> None:
        case, me = self.which(number), self.who(person)
        before = self.hotline.escalation(case)
        epoch = (before.epoch if before else 1) - behind
        if self.refused(me, lambda: self.hotline.claim(me, case, epoch)):
            return
        try:
            self.again_after_crash(crash_at, lambda: self.hotline.claim(me, case, epoch))
        except AlreadyClaimed as error:
            assert before is not None
            assert before.state in HELD
            assert before.owner_uid != me.uid
            self.told_who(error)
            return
        except StaleClaim:
            assert before is not None
            assert before.state is EscalationState.RINGING
            assert behind
            return
        except (CaseClosed, NoSuchCase):
            assert before is None
            return
        after = self.hotline.escalation(case)
        assert after is not None
        assert after.owner_uid == me.uid
        if before is not None and before.state in HELD:
            assert before.owner_uid == me.uid, "I5: what somebody holds is not claimed by another"
            return
        assert before is None or before.epoch == epoch, "I5: only the attempt that was seen is claimed"
        assert (after.uid, after.epoch) not in self.claims, "I5: one claim for each attempt"
        self.claims.add((after.uid, after.epoch))

    @rule(
        number=st.integers(0, 1),
        person=st.integers(1, 2),
        then=st.sampled_from(["wait", "reply", "talk", "race", "meddle", "look", "danger", "release"]),
    )
    def somebody_takes_it(self, number: int, person: int, then: str) -> None:
        """The ordinary course of things: what rings is claimed, and the next thing happens."""
        before = self.hotline.escalation(self.which(number))
        if before is None or before.state is not EscalationState.RINGING:
            return
        self.claims_it(number, person, 0, None)
        if then == "reply":
            self.replies(number, person, False, None)
        elif then == "talk":
            self.replies(number, person, False, None)
            self.settle()
            self.writes(number, Severity.NONE, None)
        elif then == "race":
            self.claims_it(number, person + 1, 0, None)
        elif then == "meddle":
            self.replies(number, person + 1, False, None)
        elif then == "look":
            self.looks(number, person, True)
        elif then == "danger":
            self.danger_during_a_talk(number, None)
            self.hotline.passes(65)
        elif then == "release":
            self.releases(number, person, None)
        self.hotline.passes(1)

    def told_who(self, error: AlreadyClaimed) -> None:
        assert error.detail in {one.alias for one in self.staff}, "the loser is told who"

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), twice=st.booleans(), crash_at=CRASHES)
    def replies(self, number: int, person: int, twice: bool, crash_at: int | None) -> None:
        case, me = self.which(number), self.who(person)
        before = self.hotline.escalation(case)
        key = f"k{len(self.hotline.said(case))}"
        if self.refused(me, lambda: self.hotline.reply(me, case, key=key)):
            return
        try:
            self.again_after_crash(crash_at, lambda: self.hotline.reply(me, case, key=key))
        except NotYours:
            assert before is None or not self.answers(before, me)
            return
        except (CaseClosed, NoSuchCase):
            assert before is None
            return
        except (NotAgreed, NotReachable):
            return
        assert before is not None
        assert self.answers(before, me), "only the owner replies, or who was it until her shift was over"
        after = self.hotline.escalation(case)
        assert after is not None
        assert (after.owner_uid, after.epoch) == (me.uid, before.epoch), "what she answers stays hers"
        self.claims.add((after.uid, after.epoch))
        if twice:
            said = self.hotline.said(case)
            assert self.hotline.reply(me, case, key=key).again
            assert self.hotline.said(case) == said, "the same post adds nothing"

    def answers(self, escalation: Escalation, me: Staff) -> bool:
        back = escalation.leaving is Leaving.GONE and escalation.previous_owner_uid == me.uid
        return escalation.owner_uid == me.uid or back

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), crash_at=CRASHES)
    def releases(self, number: int, person: int, crash_at: int | None) -> None:
        case, me = self.which(number), self.who(person)
        before = self.hotline.escalation(case)
        if self.refused(me, lambda: self.hotline.release(me, case)):
            return
        try:
            self.again_after_crash(crash_at, lambda: self.hotline.release(me, case))
        except (NotYours, CaseClosed, NoSuchCase):
            return
        after = self.hotline.escalation(case)
        assert before is not None
        assert after is not None
        assert after.epoch == before.epoch + 1
        assert after.previous_owner_uid == before.owner_uid

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), crash_at=CRASHES)
    def closes(self, number: int, person: int, crash_at: int | None) -> None:
        case, me = self.which(number), self.who(person)
        before = self.hotline.escalation(case)
        if self.refused(me, lambda: self.hotline.close_case(me, case)):
            return
        try:
            self.again_after_crash(crash_at, lambda: self.hotline.close_case(me, case, Disposition.HELPED))
        except (NotYours, CaseClosed, NoSuchCase):
            return
        assert Role.SUPERVISOR in me.roles or (before is not None and before.owner_uid == me.uid)
        if before is not None:
            self.may_end.add(before.uid)

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), owner=st.booleans())
    def looks(self, number: int, person: int, owner: bool) -> None:
        case, me = self.which(number), self.who(person)
        before, now = self.hotline.escalation(case), self.hotline.case(case)
        audited = len(self.hotline.audit())
        if owner and before is not None and before.owner_uid is not None:
            me = next(one for one in self.staff if one.uid == before.owner_uid)
        try:
            view = self.hotline.look(me, case)
        except BinhAnError:
            return
        own = before is not None and me.uid in (before.owner_uid, before.previous_owner_uid)
        agreed = now.agreed_at is not None or now.severity is Severity.EMERGENCY
        if view.lines or view.readable:
            assert own, "content only for whoever holds it"
            assert agreed, "content only where she agreed"
        assert len(self.hotline.audit()) > audited, "I15: no look without a row"

    @rule(person=st.integers(0, 2), rung=st.sampled_from(RUNGS), comes=st.booleans())
    def shift_edge(self, person: int, rung: str, comes: bool) -> None:
        there = self.board.rungs[rung]
        (there.add if comes else there.discard)(self.who(person).name)
        self.board.ends.pop(self.who(person).name, None)
        self.hotline.run(self.hotline.escalations.check_waits, None)

    @rule()
    def everybody_leaves(self) -> None:
        for there in self.board.rungs.values():
            there.clear()

    @rule(person=st.integers(0, 1), switch=st.sampled_from(DutySwitch))
    def throws_switch(self, person: int, switch: DutySwitch) -> None:
        me = self.who(person)
        if not self.refused(me, lambda: self.hotline.set_duty(me, switch)):
            self.hotline.set_duty(me, switch)

    @rule(crash_at=CRASHES)
    def somebody_is_disabled(self, crash_at: int | None) -> None:
        an = self.staff[0]
        self.again_after_crash(crash_at, lambda: self.hotline.disable(an))
        self.disabled.add(an.uid)
        assert self.hotline.do(lambda uow: uow.escalations.owned_by(an.uid)) == []

    # --- time -------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 19, 20, 59, 61, 90, 130, 185, 320, 700, 2000]))
    def time_passes(self, seconds: int) -> None:
        self.hotline.passes(seconds)

    @rule(days=st.integers(1, 4))
    def days_pass(self, days: int) -> None:
        """Nobody is there for days (the ladder's long waits keep this cheap)."""
        if all(one.state in HELD for one in self.open_escalations()):
            self.hotline.passes(days * 86_400)

    @rule(hours=st.sampled_from([-24, -1, 1]))
    def clock_jumps(self, hours: int) -> None:
        self.hotline.now += timedelta(hours=hours)
        self.hotline.run(self.hotline.escalations.check_waits, None)

    @rule(crash_at=st.integers(0, 25))
    def dies_while_ticking(self, crash_at: int) -> None:
        for escalation in self.open_escalations():
            self.hotline.now = max(self.hotline.now, escalation.next_due_at or self.hotline.now)
            self.again_after_crash(
                crash_at, lambda uid=escalation.uid: self.hotline.run(self.hotline.escalations.tick, uid)
            )

    @rule()
    def sends(self) -> None:
        """The sender takes what is due: nothing past its freshness, nothing into a foreign lane."""
        lease = timedelta(seconds=30)
        for _ in range(20):
            jobs = self.hotline.do(lambda uow: uow.outbox.claim(50, lease, frozenset()))
            if not jobs:
                return
            for job in jobs:
                self.check_job(job)
                token = job.row.lease_token or ""
                self.hotline.do(lambda uow, job=job, token=token: uow.outbox.record(job.row.uid, token, Outcome.SENT))

    def check_job(self, job: Any) -> None:
        row = job.row
        assert row.fresh_until is None or row.fresh_until >= self.hotline.now, "I16: late is dangerous"
        if row.contact_uid is not None:
            case = next(one for one in self.cases if one.uid == row.case_uid)
            assert (row.lane, row.contact_uid) == (f"c:{case.contact_uid}", case.contact_uid), "I13"
            assert job.address.platform_id == f"s{self.cases.index(case)}", "I13: her own address"
        else:
            assert row.outgoing is None, "a page carries no content"

    # --- what always holds ------------------------------------------------------------------------------------------

    def open_escalations(self) -> list[Escalation]:
        return list(self.hotline.do(lambda uow: uow.escalations.open_of([case.uid for case in self.cases])).values())

    @invariant()
    def settle(self) -> None:
        """The tickers live; then every invariant is looked at once, on one reading of the tables."""
        if not self.cases:
            return
        self.hotline.tick()
        self.the_rows()
        cases = [self.hotline.case(case) for case in self.cases]
        found = {one.case_uid: one for one in self.open_escalations()}
        self.the_audit(cases, found)
        self.the_shifts(found)
        for case in cases:
            self.one_case(case, found.get(case.uid))
        for escalation in found.values():
            self.one_escalation(escalation)

    def the_rows(self) -> None:
        """What the tables say as a whole."""
        select = self.hotline.select
        twice = "SELECT case_uid FROM escalations WHERE state <> 'ended' GROUP BY case_uid HAVING count(*) > 1"
        assert select(twice) == [], "I4: one open escalation for each case"
        for row in select("SELECT uid, ended_reason FROM escalations WHERE state = 'ended'"):
            reason = row["ended_reason"]
            assert row["uid"] in self.may_end or reason == "silent", f"I3: ended by itself ({reason})"
        lost = (
            "SELECT l.uid FROM lines l LEFT JOIN outbox o ON o.line_uid = l.uid"
            " WHERE l.direction = 'out' GROUP BY l.uid HAVING count(o.id) <> 1"
        )
        assert select(lost) == [], "I11: one outbox row for each line of ours"
        closed = select("SELECT count(*) AS n FROM cases WHERE closed_at IS NOT NULL")
        assert select("SELECT count(*) AS n FROM facts") == closed, "one fact for each closed case"

    def the_audit(self, cases: list[Case], found: dict[str, Escalation]) -> None:
        """I15: no transition without a row."""
        states = {uid: (one.state, one.epoch, one.round, one.rung) for uid, one in found.items()}
        audited = len(self.hotline.audit())
        if states != self.seen:
            assert audited > self.audited, "I15: a transition without an audit row"
        self.seen, self.audited = states, audited

    def one_case(self, case: Case, escalation: Escalation | None) -> None:
        lines = self.hotline.do(lambda uow: uow.lines.of_case(case.uid))
        assert [line.seq for line in lines] == list(range(1, len(lines) + 1)), "I10: lines without gaps"
        assert case.severity.at_least(self.worst.get(case.uid, Severity.NONE)), "severity never falls by machine"
        self.worst[case.uid] = case.severity
        if case.closed_at is not None:
            assert escalation is None
            assert case.next_due_at is None
            return
        if case.severity.at_least(Severity.URGENT):
            assert escalation is not None, "urgent and nobody is called"
        assert escalation is not None or case.next_due_at is not None, "a case nobody would ever look at again"
        assert not case.human or (escalation is not None and escalation.state in HELD), "a human who is not there"
        talk = [line for line in lines if line.author != "bot" and line.direction is not Direction.NOTE]
        if escalation is not None and case.human and talk:
            if escalation.state is EscalationState.ANSWERED:
                assert talk[-1].direction is Direction.OUT, "I17: she wrote and nobody owes an answer"
            if escalation.state is EscalationState.OWING:
                assert talk[-1].direction is Direction.IN, "I17"
        self.the_card(case, escalation, [line.text for line in lines])
        if escalation is not None and escalation.owner_uid is not None:
            self.the_view(case, escalation.owner_uid)

    def the_shifts(self, found: dict[str, Escalation]) -> None:
        """Once for each leaving, never for who works or where nobody else is, and whoever left reads on until it is taken."""
        there = {one.uid for one in self.staff if one.enabled and self.board.on_duty(one, self.hotline.now)}
        there -= self.disabled
        self.shifts_called = {(uid, who) for uid, who in self.shifts_called if who not in there}
        for one in found.values():
            if one.leaving is Leaving.GONE and (one.uid, one.epoch) not in self.shift_epochs:
                spell = (one.uid, one.previous_owner_uid or "")
                assert spell not in self.shifts_called, "the next shift is called once for each leaving"
                self.shifts_called.add(spell)
                self.shift_epochs.add((one.uid, one.epoch))
            case = next(each for each in self.cases if each.uid == one.case_uid)
            if one.leaving is Leaving.GONE:
                self.the_overlap(self.hotline.case(case), one)
            elif one.owner_uid is not None and one.owner_uid not in there:
                self.the_leaver(case, one, others=bool(there))

    def the_overlap(self, case: Case, one: Escalation) -> None:
        last = [each for each in self.staff if each.uid == one.previous_owner_uid]
        assert last, "who held it last is remembered"
        agreed = case.agreed_at is not None or case.severity is Severity.EMERGENCY
        if last[0].uid not in self.disabled and agreed:
            assert self.hotline.peek(last[0], case).readable, "overlap beats a gap"

    def the_leaver(self, case: Case, one: Escalation, *, others: bool) -> None:
        if one.leaving is Leaving.KEPT:
            return
        assert one.leaving in (Leaving.LEFT, Leaving.ALONE), "nobody saw her leave"
        assert one.left_at is not None
        lines = self.hotline.do(lambda uow: uow.lines.of_case(case.uid))
        worked = max((line.created_at for line in lines if line.author == one.owner_uid), default=None)
        grace = one.left_at + timedelta(minutes=2 if one.ladder.name == "emergency" else 10)
        over = grace if worked is None else max(grace, worked + timedelta(minutes=5))
        assert self.hotline.now < over or not others, "her shift is over, others are there, and nobody was called"
        assert self.hotline.now < over or one.leaving is Leaving.ALONE, "nobody told her that she is alone"

    def the_view(self, case: Case, owner_uid: str) -> None:
        """Content only for whoever holds it, and only where she agreed or it is an emergency."""
        agreed = case.agreed_at is not None or case.severity is Severity.EMERGENCY
        for one in self.staff:
            if one.uid not in self.disabled and not (agreed and one.uid == owner_uid):
                view = self.hotline.peek(one, case)
                assert not view.readable, "content where it may not be read"
                assert view.lines == ()

    def the_card(self, case: Case, escalation: Escalation | None, texts: list[str]) -> None:
        """Invariant 7 of the design: after 60 s of danger without a human line she has the numbers."""
        assert texts.count("<relay_card>") <= self.signs[case.uid], "one card for each danger sign at most"
        if case.danger_at is None or escalation is None or case.uid in self.hushed:
            return
        if self.hotline.now - case.danger_at > timedelta(seconds=60):
            assert "<relay_card>" in texts, "a minute of danger and no card"

    def one_escalation(self, one: Escalation) -> None:
        now = self.hotline.now
        assert (one.owner_uid is not None) == (one.state in HELD), "I4: an owner exactly while it is held"
        assert one.next_due_at is not None
        assert one.next_due_at <= now + self.longest(one), "I2: nobody waits too long"
        assert one.next_due_at > now, "I6: nothing is overdue while the ticker lives"
        place = (one.epoch, one.round, one.rung)
        before = self.where.get(one.uid, (0, 0, 0))
        assert place >= before, "I9: it only moves on"
        self.where[one.uid] = place
        pages = self.hotline.pages(f"escalation_uid = '{one.uid}' AND note IN ('', 'waits')")
        if one.state in HELD:
            late = [page for page in pages if page["state"] == "pending" and page["epoch"] <= one.epoch]
            assert late == [], "I7: after a claim no page of this attempt waits"
        else:
            self.paged(one, pages)

    def paged(self, one: Escalation, pages: list[dict[str, Any]]) -> None:
        """I9, second half, and I12: the step it stands behind has really been paged."""
        step = (one.round, one.rung - 1) if one.rung else (one.round - 1, 0)
        key = f"{one.uid}:{one.epoch}:{step[0]}:{step[1]}:"
        assert any(page["dedupe_key"].startswith(key) for page in pages), "a step that called nobody"
        if not one.rung:
            assert one.fallback_round == step[0], "I12: every rung empty, and she was not told"

    def is_missed(self, one: Escalation, seen_at: datetime) -> bool:
        """Gone for 15 s, and at the desk since she last worked in it."""
        lines = self.hotline.do(lambda uow: uow.lines.of_case(one.case_uid))
        worked = max((line.created_at for line in lines if line.author == one.owner_uid), default=seen_at)
        return self.hotline.now - seen_at >= timedelta(seconds=15) and seen_at >= worked

    def longest(self, one: Escalation) -> timedelta:
        """I2, from the figures of the design, not from the code."""
        emergency = one.ladder.name == "emergency"
        if one.state is EscalationState.CLAIMED:
            return timedelta(seconds=60 if emergency else 120)
        if one.state is EscalationState.OWING:
            gone = self.hotline.gone.get(one.owner_uid or "")
            if gone is not None and self.is_missed(one, gone):
                waited = self.hotline.now - (one.unanswered_since or self.hotline.now)
                most = timedelta(seconds=30 if emergency else 90)
                return most if one.reminders else max(timedelta(0), most - waited)
            if one.reminders:
                return timedelta(seconds=60 if emergency else 180)
            return timedelta(seconds=120 if emergency else 300)
        if one.state is EscalationState.ANSWERED:
            return timedelta(hours=24)
        if one.rung == 0:  # every rung was empty: a whole round
            return timedelta(minutes=15 if emergency else 60)
        notice = 20 if emergency else 60
        most = (15 if emergency else 60) * 60 // 3
        return timedelta(seconds=notice if one.round < 3 else min(notice * 2 ** (one.round - 2), most))


class Evening(Night):
    """A night in which talks are under way, shifts end and owners disappear all the time."""

    def talks(self, number: int, person: int) -> Staff | None:
        """Whoever holds the case (`person`, where it rings) has the last word in it; None where that cannot be."""
        case = self.which(number)
        before = self.hotline.escalation(case)
        if before is None:
            return None
        if before.owner_uid is None:
            self.claims_it(number, person, 0, None)
        else:
            person = next(nth for nth, one in enumerate(self.staff) if one.uid == before.owner_uid)
        self.replies(number, person, False, None)
        after = self.hotline.escalation(case)
        there = after is not None and after.owner_uid == self.who(person).uid
        return self.who(person) if there and self.hotline.case(case).agreed_at is not None else None

    @rule(person=st.integers(0, 2), minutes=st.sampled_from([1, 8, 15]))
    def shift_ends_soon(self, person: int, minutes: int) -> None:
        """By the roster."""
        end = self.hotline.now + timedelta(minutes=minutes)
        self.board.ends[self.who(person).name] = end
        self.hotline.edges += [end - timedelta(minutes=10), end]

    @rule(number=st.integers(0, 2), person=st.integers(0, 2), then=st.sampled_from(["goes", "works", "comes back"]))
    def a_shift_ends(self, number: int, person: int, then: str) -> None:
        """The ordinary course of things: a colleague is there, and the shift of whoever holds it is over a minute later."""
        case, me = self.which(number), self.talks(number, person)
        if me is None:
            return
        person = self.staff.index(me)
        for one in (me, self.who(person + 1)):
            self.board.rungs["on_duty"].add(one.name)
            self.board.ends.pop(one.name, None)
        self.settle()
        self.shift_ends_soon(person, 1)
        if then == "works":
            self.hotline.passes(50)
            self.replies(number, person, False, None)
            self.hotline.passes(200)
            held = self.hotline.escalation(case)
            assert held is not None
            assert held.owner_uid == me.uid, "taken from somebody who works"
            return
        self.hotline.passes(700)
        if then == "comes back":
            self.settle()
            self.replies(number, person, False, None)
            self.hotline.passes(900)

    @rule(
        number=st.integers(0, 2), person=st.integers(0, 2), writes=st.booleans(), seconds=st.sampled_from([20, 35, 65])
    )
    def owner_disappears(self, number: int, person: int, writes: bool, seconds: int) -> None:
        """Whoever holds it is gone from the desk; perhaps a line waits for her. No wait may become longer by that."""
        case, me = self.which(number), self.talks(number, person)
        if me is None:
            return
        if writes:
            self.hotline.writes(case)
        before = self.hotline.escalation(case)
        self.hotline.gone[me.uid] = self.hotline.now
        self.hotline.passes(seconds)
        self.settle()
        after = self.hotline.escalation(case)
        if before is None or after is None or (after.state, after.reminders) != (before.state, before.reminders):
            return
        assert after.next_due_at is not None
        assert before.next_due_at is not None
        assert after.next_due_at <= before.next_due_at, "absence never lengthens"

    @rule()
    def everybody_is_seen(self) -> None:
        self.hotline.gone.clear()
