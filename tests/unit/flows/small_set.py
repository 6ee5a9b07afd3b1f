"""A content set with one of everything, for tests of the engine, and a talker that plays it as a host would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.effects import (
    Answered,
    Chose,
    Command,
    Input,
    PlaceAnswer,
    Question,
    Said,
    Say,
    Sprint,
    Value,
)
from flows.engine import advance
from flows.library import Library
from flows.loader import load
from flows.phrases import PHRASES
from flows.session import Session
from flows.severity import Severity

NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
SLOWLY = timedelta(seconds=20)
"""A message so long after another is no piece of it."""

SET = """\
set: small
language: vi
entry: home
interrupts: {help: card, human: talk, stop: leave, delete: wipe, danger: card, concern: offer, released: after}
words:
  help: [cứu, cứu với, sos]
  stop: [dừng, thoát]
  delete: [xóa]
  human: [gặp người]
  back: [quay lại]
  repeat: [nhắc lại]
variables:
  about: {type: choice, values: [me, other], label: Ai cần giúp, shown: {me: chính mình, other: người khác}}
  story: {type: text, label: Chuyện gì}
  children: {type: number, min: 0, max: 12, label: Số con}
  hurt: {type: yes_no, label: Bị thương}
  age: {type: age_band, label: Tuổi}
  hour: {type: time}
  place: {type: place, label: Xã}
  services: {type: services}
  staffed: {type: flag}
  code: {type: code}
  known: {type: flag}
"""

LINES = """\
police: {number: "113", name: Công an, who: Công an, hours: 24/7, cost: miễn phí, source: [a, b], emergency: yes,
  checked_on: 2026-11-23, check_by: 2027-05-22}
"""

HOME = """\
flow: home
title: Bắt đầu
start: hello
steps:
  hello: {say: Chào bạn. Đây là máy., next: menu}
  menu:
    say: [Dòng một., Bạn cần gì?]
    save: about
    choices:
      me: {label: Tôi cần giúp, goto: story, severity: standard, category: dv_physical}
      other: {label: Người khác, goto: find}
    silence: {after: 10m, goto: nudge}
  nudge: {say: Bạn còn đó không?, choices: {here: {label: Còn, goto: menu}, gone: {label: Không, goto: bye}}}
  story: {say: "Chuyện gì vậy, {about}?", ask: text, save: story, next: children}
  children: {say: Mấy con?, ask: {type: number, skip: hurt, tries: 2}, save: children, next: hurt}
  hurt: {say: Bạn có bị thương không?, ask: yes_no, save: hurt, next: age}
  age: {say: Bạn bao nhiêu tuổi?, ask: {type: age_band, skip: hour}, save: age, next: hour}
  hour: {say: Mấy giờ?, ask: {type: time, invalid: Giờ nào vậy}, save: hour, next: place}
  place: {say: Bạn ở xã nào?, ask: {type: place, skip: find, tries: 2}, save: place, next: find}
  find:
    do: find_services
    with: {near: place, needs: [medical], limit: 2}
    save: services
    next:
      - {when: {services: empty}, goto: person}
      - {when: {all: [{children: {at_least: 2}}, {not: {age: [age_60]}}]}, goto: many}
      - {else: show}
  many: {say: "Có {children} con.", next: show}
  show: {say: "{services}", next: person}
  person: {call: talk, next: bye}
  bye: {say: Tạm biệt., end: done}
"""

OTHERS = {
    "card": """\
flow: card
title: Số gọi gấp
start: show
steps:
  show:
    card: emergency
    say: "Bạn xem giúp nhé. {line.police}"
    choices: {on: {label: Nhắn tiếp, goto: back}, held: {label: Đang bị nhốt, goto: held, severity: emergency}}
  held: {say: Bạn ở yên nhé., next: back}
  back: {return: true}
""",
    "talk": """\
flow: talk
title: Gặp người
start: duty
steps:
  duty: {do: on_duty, save: staffed, next: [{when: {staffed: yes}, goto: ask}, {else: nobody}]}
  nobody: {say: Chưa có ai., next: ask}
  ask: {say: Gọi người nhé?, choices: {call: {label: Vâng, goto: person}, no: {label: Thôi, goto: back}}}
  person: {say: Đang gọi., handover: {reason: asked_for_person, on_release: over}}
  over: {say: Người trực đã chào., next: back}
  back: {return: true}
""",
    "leave": """\
flow: leave
title: Dừng
start: quiet
steps:
  quiet: {do: hush, next: over}
  over: {say: Vâng., end: left}
""",
    "wipe": """\
flow: wipe
title: Xóa
start: sure
steps:
  sure: {say: Xóa hết nhé?, choices: {yes: {label: Có, goto: hide}, no: {label: Không, goto: back}}}
  hide: {do: erase, next: over}
  over: {say: Xong., end: erased}
  back: {return: true}
""",
    "offer": """\
flow: offer
title: Mời
start: ask
steps:
  ask: {say: Muốn gặp người không?, choices: {yes: {label: Muốn, goto: talk}, no: {label: Chưa, goto: back}}}
  talk: {call: talk, next: back}
  back: {return: true}
""",
    "after": """\
flow: after
title: Sau đó
start: told
steps:
  told: {say: Máy lại trả lời., return: true}
""",
    "code": """\
flow: code
title: Mã
start: make
steps:
  make: {do: make_code, save: code, next: tell}
  tell: {say: "Mã: {code}", next: ask}
  ask: {say: Mã của bạn?, ask: code, save: code, next: redeem}
  redeem: {do: redeem_code, with: {code: code}, save: known, next: [{when: {known: yes}, goto: late}, {else: ask}]}
  late: {do: late_answer, with: {wish: until, until: hour}, next: cancel}
  cancel: {do: cancel_human, next: over}
  over: {end: done}
""",
    "loop": """\
flow: loop
title: Vòng
start: one
steps:
  one: {say: Quay., severity: urgent, next: two}
  two: {next: one}
""",
    "turning": """\
flow: turning
title: Hỏi mãi
start: one
steps:
  one: {do: on_duty, save: staffed, next: one}
""",
}


def small_files(**flows: str) -> dict[str, bytes]:
    """The files of the set; `flows` adds or replaces flows by name ("set" and "lines" replace those files)."""
    phrases = "".join(
        f"  {key}: '{key}{''.join(f' {{{name}}}' for name in phrase.placeholders)}'\n"
        for key, phrase in PHRASES.items()
    )
    texts = {"set.yaml": flows.pop("set", SET + "phrases:\n" + phrases), "lines.yaml": flows.pop("lines", LINES)}
    for name, text in {"home": HOME, **OTHERS, **flows}.items():
        texts[f"flows/{name}.yaml"] = text
    return {name: text.encode() for name, text in texts.items()}


def small_library(**flows: str) -> Library:
    """The set, loaded."""
    loaded = load(small_files(**flows))
    assert loaded.library is not None, "\n".join(map(str, loaded.findings))
    return loaded.library


PLACES: Mapping[str, PlaceAnswer] = {
    "mường than": PlaceAnswer("exact", ("1",), {"1": "xã Mường Than"}),
    "bản": PlaceAnswer("ambiguous", ("2", "3"), {"2": "xã Bản Bo", "3": "xã Bản Lang"}),
    "hà nội": PlaceAnswer("outside"),
}


class Talker:
    """Plays one session: every session goes through JSON between two inputs, every question is answered at once."""

    def __init__(self, library: Library, session_id: str = "") -> None:
        self.library = library
        self.session = Session.new(library, session_id)
        self.now = NOW
        self.effects: list[Command] = []
        self.questions: list[Question] = []
        self.visited: list[str] = []
        self.on_duty: Value = True
        self.services: Value = [{"name": "Trạm y tế", "text": "Trạm y tế xã"}]
        self.code_known: Value = True

    def give(self, given: Input) -> list[str]:
        """Advance with one input, answering the engine's questions; the texts that came out."""
        self.effects, self.questions = [], []
        sprint = self.step(given)
        for _ in range(200):
            if sprint.question is None:
                break
            self.questions.append(sprint.question)
            sprint = self.step(Answered(self._answer(sprint.question)))
        else:
            raise AssertionError("the engine asks without end")
        buttoned = [say for say in self.said if say.buttons]
        assert len(buttoned) <= 1
        assert not buttoned or self.said[-1] is buttoned[0], "buttons stand on the last line"
        return [say.text for say in self.said]

    def step(self, given: Input) -> Sprint[Session]:
        """One advance."""
        before = self.session.dump()
        sprint = advance(self.library, self.session, given, self.now)
        assert self.session.dump() == before, "advance changed the session it was given"
        self.effects += sprint.effects
        self.visited += sprint.visited
        self.session = Session.load(json.loads(json.dumps(sprint.session.dump())))
        assert self.session == sprint.session
        assert sprint.next_due_at == self.session.silence_due_at
        return sprint

    def type(self, *texts: str, danger: Severity = Severity.NONE) -> list[str]:
        """Type texts; what came out after the last."""
        said: list[str] = []
        for text in texts:
            said = self.give(Said(text, danger))
        return said

    def press(self, label: str) -> list[str]:
        """Press the button with this label on the last line."""
        return self.give(Chose(self.data(label)))

    def data(self, label: str) -> str:
        """The data of a button of the last line."""
        return next(button.data for button in self.said[-1].buttons if button.label == label)

    def wait(self, length: timedelta) -> None:
        """Let time pass."""
        self.now += length

    @property
    def said(self) -> list[Say]:
        """The lines of the last input."""
        return [effect for effect in self.effects if isinstance(effect, Say)]

    @property
    def labels(self) -> list[str]:
        """The buttons of the last line."""
        return [button.label for button in self.said[-1].buttons]

    @property
    def place(self) -> str:
        return self.session.place()

    def of(self, kind: type) -> list[Any]:
        """The effects of one kind of the last input."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def _answer(self, question: Question) -> Value | PlaceAnswer:
        name = type(question).__name__
        if name == "ResolvePlace":
            return PLACES.get(question.text.lower(), PlaceAnswer("none"))  # type: ignore[union-attr]
        answers: dict[str, Value] = {
            "FindServices": self.services,
            "AskOnDuty": self.on_duty,
            "MakeReturnCode": "ABCD-EFGH",
            "RedeemReturnCode": self.code_known,
            "AskCanRemind": True,
        }
        return answers[name]


def at_question(library: Library, *texts: str) -> Talker:
    """A talk that has come as far as these typed answers lead."""
    talk = Talker(library)
    talk.type("chào", *texts)
    return talk
