"""One turn of the conversation: a message (or a timer) goes through the flow, the flow's effects become changes.

A `Turn` carries the contact and the case through one unit of work; every step returns the newest values, so nothing is
decided on an old one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows import engine
from flows.effects import (
    AllowLateAnswer,
    Answered,
    CancelHuman,
    Chose,
    Command,
    ConsentGiven,
    ConsentWithdrawn,
    Ended,
    Erase,
    Failed,
    ForgetReminder,
    Handover,
    Hush,
    Input,
    LateAnswer,
    Raise,
    RedeemReturnCode,
    Refer,
    Remember,
    Remind,
    Said,
    Say,
    SayKind,
    Start,
)
from flows.library import Library
from flows.moving import Fate, migrate
from flows.schema import AskType
from flows.session import Session, Status, UnreadableSession
from flows.severity import Severity
from flows.text import key_of
from handlers import audit, consents, referrals, reminders, whereabouts
from handlers.answers import Answers
from handlers.calling import open_of
from handlers.directory_words import Told
from handlers.errors import BinhAnError
from handlers.escalation import Call, Escalations, Reason
from handlers.evolving import evolve
from handlers.hiding import hide
from handlers.model import AuditEntry, Case, Contact, EscalationState, Ladder, OutboxKind, Pin, new_uid
from handlers.outgoing import in_touch, to_seeker
from handlers.ports import UnitOfWork
from handlers.referral import Consent, Item
from handlers.rules.ladder import EMERGENCY
from handlers.rules.ringing import anybody
from handlers.stays import Ending
from handlers.voice import language_of
from handlers.wiping import wipe
from handlers.world import World

MAX_WHY = 20


class FlowFailed(BinhAnError):
    """A flow is at fault: it ran into a limit or a step that is gone. Run `flows check` and publish a repaired set."""

    code = "flow-failed"


@dataclass(slots=True)
class Turn:
    """What one message or timer does, inside one unit of work."""

    uow: UnitOfWork
    world: World
    contact: Contact
    case: Case
    escalations: Escalations
    ending: Ending
    effects: list[Command] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    quick: bool = False  # this message came within seconds of her last one
    language: str = ""  # chosen at the door: a talk that begins now begins in it, where the machine speaks it
    offered: bool = False  # the host is asking her whether she wants a person: the flow need not ask that too
    redeemed: bool = False  # she has just proved a return code
    asked_place: bool = False  # her words answered the flow's question about the place, and it asks her back
    denied: tuple[str, ...] = ()  # communes it has asked her back about in vain
    _first: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # what the service says before the flow
    _hush: bool = False  # asked for by an effect, done after everything has been said
    _hide: bool = False
    _told: list[Told] = field(default_factory=list)  # services named in this turn

    # --- the flow --------------------------------------------------------------------------------------------------

    def session(self) -> tuple[Library, Session]:
        """The library and the session to go on with: the pinned version, or a new session of the current one."""
        stored = self.contact.session
        if stored is not None:
            library = self.world.libraries.of(self.contact.content_version, self.uow.content)
            try:
                if library is not None:
                    return self._moved(library, Session.load(stored))
            except UnreadableSession:
                pass  # a damaged session must not silence her: greet anew
        return self.world.library, self._begun()

    def _begun(self) -> Session:
        """A session of the current version, in the language she has chosen at the door."""
        session = Session.new(self.world.library, new_uid())
        if not self.speaks(self.language) or self.language == self.world.library.manifest.language:
            return session
        return session.evolve(language=self.language)

    def speaks(self, language: str) -> bool:
        """Does the machine speak this language?"""
        known = self.world.library.program.languages.get(language)
        return known is not None and known.speaks

    def language_unspoken(self) -> str:
        """The name of the language she has chosen at the door, when the machine knows it and does not speak it; else ""."""
        known = self.world.library.program.languages.get(self.language)
        return known.name if known is not None and not known.speaks else ""

    def _moved(self, library: Library, session: Session) -> tuple[Library, Session]:
        """Where the content that runs now says so, she goes on in it; else she finishes on the version she began with."""
        if session.version == self.world.library.version or session.status is Status.ENDED:
            return library, session
        migration = migrate(session, library, self.world.library)
        return (library, session) if migration.fate is Fate.STAYS else (self.world.library, migration.session)

    def advance(self, *inputs: Input) -> None:
        """Take the flow through these inputs; effects are collected, the contact carries the new session."""
        library, session = self.session()
        if session.status is Status.ENDED and session.version != self.world.library.version:
            library, session = self.world.library, self._begun()
        if self.offered:
            session = session.evolve(concern="offered")
        answers, before = self._answers(), session
        for given in inputs:
            sprint = engine.advance(library, session, given, self.uow.now)
            self._collect(sprint.effects, sprint.visited)
            while sprint.question is not None:
                value = answers.to(sprint.question)
                sprint = engine.advance(library, sprint.session, Answered(value), self.uow.now)
                self._collect(sprint.effects, sprint.visited)
            session = sprint.session
        self.denied = whereabouts.denied(before, session)
        self._take_over(answers)
        self.contact = evolve(
            self.contact,
            session=session.dump(),
            content_version=session.version,
            session_due_at=session.silence_due_at,
        )
        self.uow.contacts.save(self.contact)

    def redeem(self, code: str) -> bool:
        """Lead her back to the stay of a return code; False for a wrong one (or after too many wrong ones)."""
        answers = self._answers()
        found = answers.to(RedeemReturnCode(code))
        self._take_over(answers)
        return bool(found)

    def say_first(self, phrase_key: str, **values: str) -> None:
        """Say a phrase of the service before what the flow says."""
        self._first.append((phrase_key, values))

    def _answers(self) -> Answers:
        return Answers(self.uow, self.world, self.contact, self.case, self.escalations, self.ending)

    def _take_over(self, answers: Answers) -> None:
        """The contact and the case as they are after the answers: a redeemed code exchanges both."""
        self.contact, self.case = answers.contact, answers.case
        self._told.extend(answers.told)
        self.asked_place = self.asked_place or answers.asked_place
        if answers.redeemed:
            self.redeemed = True
            self.say_first("welcome_back")

    def press_in_talk(self, data: str) -> None:
        """A button of the help card that she called up during a human talk: *stop* is obeyed and said; for anything else the
        machine stays silent, because a human answers.
        """
        library, session = self.session()
        if session.status is not Status.WAITING or session.frames[-1].flow != library.program.interrupts["help"]:
            return
        self.advance(Chose(data))
        if not any(isinstance(effect, Hush | Erase) for effect in self.effects):
            self.effects = [effect for effect in self.effects if not isinstance(effect, Say)]

    def is_new(self) -> bool:
        """Has no flow begun yet, or is it over?"""
        return self.session()[1].status is Status.ENDED

    def is_greeting_open(self) -> bool:
        """Does the greeting's own question stand open, with nothing answered yet?"""
        library, session = self.session()
        begun = session.status is Status.WAITING and not session.history
        return begun and session.frames[0].flow == library.program.entry

    def repeat(self) -> None:
        """Ask the open question once more; greet her when none is open."""
        library, session = self.session()
        word = library.manifest.words.repeat[0] if library.manifest.words.repeat else ""
        self.advance(Said(word) if session.status is not Status.ENDED and word else Start())

    def ask_for_a_person(self) -> None:
        """As if she had typed the word for it."""
        self.advance(Said(self.session()[0].manifest.words.human[0]))

    def is_asked_for_code(self) -> bool:
        """Does the flow's open question take a return code?"""
        library, session = self.session()
        frame = session.frames[-1] if session.status is Status.WAITING else None
        task = library.program.tasks.get((frame.flow, frame.step)) if frame is not None else None
        return task is not None and task.question is not None and task.question.type is AskType.CODE

    def global_word(self, text: str) -> str:
        """The global word this whole text is ("stop", "delete", "help", …), or ""."""
        library, _ = self.session()
        return library.program.words.find(key_of(text)) or ""

    def _collect(self, effects: tuple[Command, ...], visited: tuple[str, ...]) -> None:
        self.effects.extend(effects)
        self.visited.extend(visited)

    # --- its effects -----------------------------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        """Is the flow at fault?"""
        return any(isinstance(effect, Failed) for effect in self.effects)

    def apply(self) -> None:
        """Carry out the collected effects in order. Every member of `Command` has its line here; an unknown one is an error."""
        if any(isinstance(effect, Erase) for effect in self.effects):
            self.uow.outbox.cancel_seeker(self.contact.uid)  # only the farewell that follows may still arrive
            wipe(self.uow, self.contact)
        for key, values in self._first:
            said = self.world.library.say(key, language_of(self.contact), **values)
            self.case = to_seeker(self.uow, self.contact, self.case, OutboxKind.BOT, said)
        effects = _numbers_first(self.effects)
        if self.redeemed and self.case.human:
            # She comes back into a talk with a human: she is told who writes, and the machine is silent.
            effects = [effect for effect in effects if not isinstance(effect, Say)]
            self.case = self.escalations.introduce(self.uow, self.contact, self.case)
        last_say = max((i for i, effect in enumerate(effects) if isinstance(effect, Say)), default=-1)
        for index, effect in enumerate(effects):
            match effect:
                case Say():
                    self._say(effect, with_buttons=index == last_say)
                case Raise():
                    self._raise(effect)
                case Remember():
                    self._remember(effect)
                case Handover():
                    self._handover(effect)
                case AllowLateAnswer():
                    self._allow_late_answer(effect)
                case Hush():
                    self._hush = True
                case Erase():
                    self._hide = True
                case CancelHuman():
                    self.case = self.escalations.cancel_by_seeker(self.uow, self.contact, self.case).case
                case ConsentGiven() | ConsentWithdrawn():
                    self.case = consents.record(self.uow, self.world, self.case, effect)
                    if isinstance(effect, ConsentWithdrawn):
                        self._taken_back(effect.purpose)
                case Remind():
                    self.contact = reminders.keep(self.uow, self.contact, self.case, effect, self.world.zone)
                case ForgetReminder():
                    self._forget_reminder(None)
                case Refer():
                    self._refer(effect)
                case Ended():
                    pass  # the session says so itself; the case ends by staff, by erasure or after 24 h
                case Failed():
                    raise FlowFailed(f"{effect.code} at {effect.step}")
        if self._hide:
            self.erase()
        elif self._hush:
            self._go_quiet()

    def _say(self, effect: Say, *, with_buttons: bool) -> None:
        kind = OutboxKind.CARD if effect.kind is SayKind.CARD else OutboxKind.BOT
        buttons = effect.buttons if with_buttons else ()
        self.case = to_seeker(
            self.uow,
            self.contact,
            self.case,
            kind,
            effect.text,
            buttons,
            wants_location=effect.wants_location and with_buttons,
            audio=effect.audio,
            language=effect.language,
            pins=self._pins(effect.text, effect.language),
        )

    def _pins(self, text: str, language: str) -> tuple[Pin, ...]:
        """Points for a map of the services that this very text names, in its order."""
        named = [(number, one) for number, one in enumerate(self._told, start=1) if one.text in text]
        say = self.world.library.say
        return tuple(
            Pin(
                title=say("service_pin", language, number=str(number)),
                note=say("service_pin_note", language),
                lat=one.point[0],
                lon=one.point[1],
            )
            for number, one in named
            if one.point is not None
        )

    def _raise(self, effect: Raise) -> None:
        summary = evolve(self.case.summary, why=(*self.case.summary.why, effect.why)[-MAX_WHY:])
        self.case = evolve(self.case, summary=summary)
        self.uow.cases.save(self.case)
        call = Call(effect.severity, effect.category, Reason.CHOSE)
        self.case = self.escalations.open_or_raise(self.uow, self.contact, self.case, call)

    def _remember(self, effect: Remember) -> None:
        answers = {**self.case.summary.answers, effect.label: effect.shown}
        if not effect.shown:
            del answers[effect.label]  # taken back
        summary = evolve(self.case.summary, answers=answers)
        value = effect.value if isinstance(effect.value, str) else ""
        if value.startswith("age_"):
            summary = evolve(summary, age_band=value)
        elif effect.variable == "about":
            summary = evolve(summary, about=value)
        elif value and value in self.world.gazetteer.codes:
            summary = whereabouts.answered(summary, value)
        self.case = evolve(self.case, summary=summary)
        self.uow.cases.save(self.case)

    def _handover(self, effect: Handover) -> None:
        call = Call(self.case.severity, self.case.category, Reason.ASKED, agreed=True)
        met, lines = in_touch(self.contact, self.case), self.case.next_seq
        self.case = self.escalations.open_or_raise(self.uow, self.contact, self.case, call)
        escalation = open_of(self.uow, self.case)
        if escalation is None or self.case.next_seq != lines:
            return
        if escalation.state is EscalationState.RINGING or not met:
            # Somebody was being called before she asked: her wish must not be met with silence.
            said = self.calling_words(escalation.ladder)
            self.case = to_seeker(self.uow, self.contact, self.case, OutboxKind.WAITING, said)
        if self.case.human and not met:
            self.case = self.escalations.introduce(self.uow, self.contact, self.case)

    def calling_words(self, ladder: Ladder) -> str:
        """What she is told when somebody is called by this ladder now."""
        if not anybody(ladder, self.escalations.staffed_for(self.uow, self.case, open_of(self.uow, self.case))):
            return self.world.library.say("nobody_on_duty", language_of(self.contact))
        key = "ringing_emergency" if ladder.name == EMERGENCY.name else "ringing"
        return self.world.library.say(key, language_of(self.contact))

    def _allow_late_answer(self, effect: AllowLateAnswer) -> None:
        until = None
        if effect.wish is LateAnswer.UNTIL and effect.until:
            until = _next_local_time(effect.until, self.uow.now, self.world)
        self.contact = evolve(self.contact, late_answer=effect.wish, late_until_at=until)
        self.uow.contacts.save(self.contact)

    def _taken_back(self, purpose: str) -> None:
        """What leaned on this consent ends: a reminder, and every referral of this stay that is still open."""
        self._forget_reminder(purpose)
        tasks = self.world.library.program.tasks.values()
        if any(task.referral is not None and task.referral.purpose == purpose for task in tasks):
            referrals.take_back(self.uow, self.case)

    def _forget_reminder(self, purpose: str | None) -> None:
        without = reminders.without(self.contact, purpose)
        if without is not self.contact:
            self.contact = without
            self.uow.contacts.save(self.contact)

    def _refer(self, effect: Refer) -> None:
        """She wants to be sent on: staff see what to, near where, and what they may pass on; the case waits at the desk."""
        items = tuple(Item(item) for item, _ in effect.shared)
        consent = Consent(items=items, step=effect.asked, text=effect.text, given_at=self.uow.now)
        details = {item: shown for item, shown in effect.shared if shown}
        for need in effect.needs:
            self.case = referrals.ask_for(self.uow, self.case, consent=consent, need=need, details=details)

    def _go_quiet(self) -> None:
        """Stop: what the flow has said goes out, nothing after it; at urgent or above staff keep being called."""
        self.case = self.escalations.cancel_by_seeker(self.uow, self.contact, self.case, quiet=True).case
        self.uow.outbox.cancel_waiting(self.contact.uid)
        self.contact = evolve(reminders.without(self.contact), quiet=True, session_due_at=None)
        self.uow.contacts.save(self.contact)

    def erase(self) -> None:
        """Delete: hidden now, destroyed after 24 h. Below urgent the stay ends; at urgent or above it keeps ringing."""
        self.case = self.escalations.cancel_by_seeker(self.uow, self.contact, self.case, quiet=True).case
        self.contact = hide(self.uow, self.contact)
        self.uow.audit.add(AuditEntry(actor=audit.SEEKER, action=audit.ERASURE_ASKED, object=self.case.code))
        if not self.case.severity.at_least(Severity.URGENT):
            self.case = self.escalations.erased(self.uow, self.case)


def _numbers_first(effects: list[Command]) -> list[Command]:
    """With an emergency card among them, what is said comes before what is done: "we are calling" follows the numbers."""
    if not any(isinstance(effect, Say) and effect.kind is SayKind.CARD for effect in effects):
        return effects
    return sorted(effects, key=lambda effect: not isinstance(effect, Say))


def _next_local_time(clock: str, now: datetime, world: World) -> datetime:
    """The next moment at which it is `HH:MM` where the service lives."""
    hour, minute = (int(part) for part in clock.split(":"))
    local = now.astimezone(world.zone)
    then = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > local else then + timedelta(days=1)).astimezone(now.tzinfo)
