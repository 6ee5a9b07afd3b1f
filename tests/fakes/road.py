"""The whole road in one hand: the shipped content and the real operations on SQLite in memory, with a clock that moves.

Seekers have names; on the channel "tg" what is sent to them is pushed (`got`), on "web" they fetch it (`sees`).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from bot.shipped import content_files
from bot.worlds import load_world
from flows.effects import Button
from handlers.closing import Closing
from handlers.delivery import Claiming, Report, claim, record
from handlers.desk import Desk
from handlers.directory_files import load_seed
from handlers.escalation import Escalations
from handlers.housekeeping import Housekeeping
from handlers.inbound import Failure, Inbound
from handlers.model import Address, Case, Contact, InboundMessage, MessageKind, Outcome, Outgoing, Staff
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import SendResult
from handlers.reminders import Reminders
from handlers.rules.windows import ReplyWindow
from handlers.seeker import SeekerView, ViewRequest, leave, view
from handlers.stays import Ending, Stays
from handlers.world import Libraries, World, Worlds
from tests.fakes.hotline import Hotline

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PULLED = frozenset({"web"})
EMERGENCY = "cứu em với, chồng em đang cầm dao đuổi em"
URGENT = "tháng trước chồng em bóp cổ em, giờ em vẫn ở chung nhà với anh ấy"


@cache
def shipped_world() -> World:
    """The shipped content, loaded once for all tests of one run."""
    files = content_files()
    return load_world(files, list(load_seed(files)), ZONE, Libraries(), pulled=PULLED)


@dataclass
class Road(Hotline):
    """A hotline with its middle: inbound, flows, delivery, her page, housekeeping."""

    outcome: Outcome = Outcome.SENT  # what the platform makes of every push
    surfaces: Surfaces = DESK_ONLY
    windows: Mapping[str, ReplyWindow] = field(default_factory=dict)
    keeps_media: bool = False
    got: dict[str, list[Outgoing]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.worlds = Worlds(shipped_world())
        ending = Ending(ZONE)
        self.escalations = Escalations(self.duty, self.worlds, ending, self.surfaces)
        self.stays = Stays(self.duty, self.worlds, ending, self.surfaces)
        self.closing = Closing(self.windows, self.worlds, ZONE)
        self.inbound = Inbound(self.worlds, self.escalations, ending, self.closing, keeps_media=self.keeps_media)
        self.desk = Desk(self.escalations, self.inbound.released, self.windows)
        self.housekeeping = Housekeeping(self.escalations)
        self.reminders = Reminders()
        self._ids = itertools.count(1)

    # --- she writes --------------------------------------------------------------------------------------------------

    def message(self, who: str, kind: MessageKind, channel: str = "tg", **fields: Any) -> InboundMessage:
        fields.setdefault("message_id", f"m{next(self._ids)}")
        return InboundMessage(address=Address(channel, who), kind=kind, **fields)

    def accepts(self, *messages: InboundMessage) -> list[bool]:
        """Hop 2 alone: stored, not handled. True for each message that is new."""
        return [one.fresh for one in self.run(self.inbound.accept_together, messages)]

    def sends(self, who: str, kind: MessageKind, channel: str = "tg", **fields: Any) -> None:
        """A message comes in, is handled, and what answers it is delivered."""
        self.accepts(self.message(who, kind, channel, **fields))
        self.settles()

    def types(self, who: str, text: str, channel: str = "tg") -> None:
        self.sends(who, MessageKind.TEXT, channel, text=text)

    def starts(self, who: str, channel: str = "tg") -> None:
        self.sends(who, MessageKind.START, channel)

    def presses(self, who: str, label: str) -> None:
        """Press the newest button of that label (on the pushed channel)."""
        self.sends(who, MessageKind.CHOICE, choice=self.button(who, label).data)

    def button(self, who: str, label: str) -> Button:
        offered = [button for outgoing in reversed(self.got[who]) for button in outgoing.buttons]
        found = next((button for button in offered if button.label == label), None)
        assert found is not None, f"no button {label!r} among {[button.label for button in offered]}"
        return found

    def settles(self) -> None:
        """Every lane is handled until nothing waits (failures go through the guard), and everything due is sent."""
        for _ in range(1000):
            ready = self.do(lambda uow: uow.contacts.ready(64))
            if not ready:
                break
            for uid in ready:
                self.handles(uid)
        else:
            raise AssertionError("the lanes never empty")
        self.delivers()

    def handles(self, uid: str) -> None:
        try:
            self.run(self.inbound.handle, uid)
        except Exception as error:
            self.run(self.inbound.fail, Failure(uid, type(error).__name__))

    def waits(self, **by: float) -> None:
        """Time passes with every loop running."""
        end = self.now + timedelta(**by)
        while self.now < end:
            due = self._soonest()
            self.now = end if due is None else min(end, max(due, self.now))
            self.tick()
            for uid in self.do(lambda uow: [one.uid for one in uow.contacts.due_timers(64)]):
                self.run(self.inbound.silence, uid)
            for uid in self.do(lambda uow: self.reminders.due(uow, 64)):
                self.run(self.reminders.tick, uid)
            for uid in self.do(lambda uow: [one.uid for one in uow.contacts.due_erasure(64)]):
                self.run(self.housekeeping.erase, uid)
            self.settles()
            if due is not None and due <= self.now < end:
                self.now = min(end, self.now + timedelta(milliseconds=1))

    def _soonest(self) -> Any:
        found = self.do(lambda uow: uow.contacts.due_timers(1))  # overdue ones first
        if found:
            return self.now
        rows = self.select(
            "SELECT min(at) AS at FROM (SELECT next_due_at AS at FROM escalations UNION ALL"
            " SELECT next_due_at FROM cases WHERE closed_at IS NULL UNION ALL SELECT session_due_at FROM contacts UNION ALL"
            " SELECT erase_at FROM contacts UNION ALL SELECT reminder_due_at FROM contacts UNION ALL"
            " SELECT next_run_at FROM contacts WHERE pending > 0)"
        )
        from storage.types import from_micros

        return None if rows[0]["at"] is None else from_micros(rows[0]["at"])

    # --- what reaches her ----------------------------------------------------------------------------------------------

    def delivers(self) -> None:
        """The sender at work on the pushed channels and the desk."""
        for _ in range(1000):
            jobs = self.run(claim, Claiming(64, PULLED))
            if not jobs:
                return
            for job in jobs:
                if job.address is not None and job.row.outgoing is not None and self.outcome is Outcome.SENT:
                    self.got[job.address.platform_id].append(job.row.outgoing)
                outcome = Outcome.SENT if job.address is None else self.outcome
                self.run(record, Report(job, SendResult(outcome=outcome)))
        raise AssertionError("the outbox never empties")

    def texts(self, who: str) -> list[str]:
        return [outgoing.text for outgoing in self.got[who]]

    def last(self, who: str) -> str:
        return self.got[who][-1].text

    def sees(self, who: str, after: int = 0, channel: str = "web") -> SeekerView:
        """What her page fetches."""
        return self.run(view, ViewRequest(address=Address(channel, who), after_seq=after))

    def leaves(self, who: str, channel: str = "web") -> None:
        self.run(leave, Address(channel, who))

    # --- looking ------------------------------------------------------------------------------------------------------

    def find(self, who: str, channel: str = "tg") -> Contact:
        """Her record, whatever it is now; an AssertionError when nobody has written from there."""
        found = self.do(lambda uow: uow.contacts.find(Address(channel, who)))
        assert found is not None
        return found

    def case_of(self, who: str, channel: str = "tg") -> Case:
        """Her newest case."""
        uid = self.find(who, channel).uid
        return self.do(lambda uow: uow.cases.all_of(uid))[-1]

    def transcript(self, case: Case) -> list[str]:
        return [line.text for line in self.do(lambda uow: uow.lines.of_case(case.uid))]

    def came_in(self) -> list[str]:
        """Every line of a seeker in any transcript, in the order it was taken in."""
        cases = [row["uid"] for row in self.select("SELECT uid FROM cases WHERE erased_at IS NULL ORDER BY id")]
        lines = self.select("SELECT uid, case_uid FROM lines WHERE direction = 'in' ORDER BY id")
        loaded = self.do(lambda uow: uow.lines.load([row["uid"] for row in lines]))
        return [loaded[row["uid"]].text for row in lines if row["case_uid"] in cases]

    def meets(self, who: str, staff: Staff, channel: str = "tg") -> Case:
        """A counsellor claims her newest case."""
        case = self.case_of(who, channel)
        self.claim(staff, case)
        self.delivers()
        return self.case(case)

    def says(self, staff: Staff, case: Case, words: str) -> Any:
        saved = self.reply(staff, case, words)
        self.delivers()
        return saved
