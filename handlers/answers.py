"""The host's answers to the engine's questions: places, services, duty, return codes. Every question has its line here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from flows.effects import (
    AskCanRemind,
    AskOnDuty,
    FindServices,
    MakeReturnCode,
    PlaceAnswer,
    Question,
    RedeemReturnCode,
    ResolvePlace,
    Value,
)
from flows.severity import Severity
from handlers import audit, return_codes
from handlers.directory import MOST_OFFERS, find
from handlers.directory_words import Told, describe
from handlers.errors import TooManyTries
from handlers.escalation import Call, Escalations, Reason
from handlers.model import Case, Contact, Disposition
from handlers.ports import UnitOfWork
from handlers.rules import holding
from handlers.rules.ladder import ON_DUTY
from handlers.stays import Ending
from handlers.world import World


@dataclass(slots=True)
class Answers:
    """Answers inside one unit of work; redeeming a code may exchange the contact and the case."""

    uow: UnitOfWork
    world: World
    contact: Contact
    case: Case
    escalations: Escalations
    ending: Ending
    redeemed: bool = False
    asked_place: bool = False  # the flow has asked which commune her words mean, and asks her back
    told: list[Told] = field(default_factory=list)  # services named in these answers, for their points on a map

    def to(self, question: Question) -> Value | PlaceAnswer:
        """The answer to one question."""
        match question:
            case ResolvePlace():
                self.asked_place = True
                return self.world.gazetteer.resolve(question.text)
            case FindServices():
                told = services_near(self.world, question, self.uow.now)
                self.told.extend(told)
                return as_value(told)
            case AskOnDuty():
                staff = self.uow.staff.all()
                return bool(self.escalations.duty.on_rung(ON_DUTY, staff, self.uow.now))
            case AskCanRemind():
                return self.contact.channel not in self.world.pulled
            case MakeReturnCode():
                return return_codes.make(self.uow, self.contact)
            case RedeemReturnCode():
                return self._redeem(question.code)

    def _redeem(self, code: str) -> bool:
        try:
            found = return_codes.redeem(self.uow, self.contact, code)
        except TooManyTries:
            return False  # said like any wrong code: whoever guesses learns nothing
        if found is None:
            return False
        self.contact, earlier = found
        self.redeemed = True
        if earlier is not None and earlier.uid != self.case.uid:
            self._go_on_with(earlier)
        return True

    def _go_on_with(self, earlier: Case) -> None:
        """The stay she comes back to takes over from the one that began a moment ago, with its severity."""
        begun = self.case
        agreed = begun.agreed_at is not None
        if begun.severity.rank > earlier.severity.rank or begun.severity.at_least(Severity.URGENT):
            call = Call(begun.severity, begun.category, Reason.SCREENED, agreed=agreed)
            earlier = self.escalations.open_or_raise(self.uow, self.contact, earlier, call)
        if begun.asked_at is not None:  # a person she has just asked for is still asked for
            call = Call(reason=Reason.ASKED, agreed=agreed)
            earlier = self.escalations.open_or_raise(self.uow, self.contact, earlier, call)
        ringing = self.uow.escalations.open_of([begun.uid]).get(begun.uid)
        if ringing is not None:
            moved = holding.ended(ringing, "moved", self.uow.now)
            begun = self.escalations.carry_out(self.uow, None, begun, moved, audit.SEEKER)
        self.ending.close(self.uow, begun, Disposition.CANCELLED, ringing, actor=audit.SEEKER)
        self.case = replace(earlier, last_inbound_at=self.uow.now)
        self.uow.cases.save(self.case)


def services_near(world: World, question: FindServices, now: datetime) -> list[Told]:
    """The nearest fitting services in words, at most three whatever the flow asks for."""
    now_local = now.astimezone(world.zone)
    limit = min(question.limit, MOST_OFFERS)
    found = find(world.directory, world.gazetteer, question.near, question.needs, now_local, limit)

    def say(phrase_key: str, /, **values: str) -> str:
        return world.library.say(phrase_key, question.language, **values)

    return describe(found, question.needs, say)


def as_value(told: list[Told]) -> Value:
    """Services as the flow keeps and prints them: dicts with `id`, `name` and `text`."""
    return [{"id": one.id, "name": one.name, "text": one.text} for one in told]
