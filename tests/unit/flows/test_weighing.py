"""Scores with their reasons, and consent: given, refused, taken back."""

from __future__ import annotations

from flows.effects import ConsentGiven, ConsentWithdrawn, Raise, Remember, Said
from flows.loader import load
from flows.severity import Severity
from tests.unit.flows.small_set import SET, Talker, small_files, small_library

VARIABLES = """\
  danger: {type: score, label: Nguy hiểm, thresholds: {urgent: 2, emergency: 5}}
  named: {type: text, label: Tên gọi, identifying: call_back}
"""
HEAD = "flow: home\ntitle: Thử\nstart: one\nsteps:\n"
SCORED = """\
  one:
    say: Một?
    choices:
      yes: {label: Có, goto: two, score: {name: danger, add: 3, why: bị bóp cổ}}
      no: {label: Không, goto: two}
  two:
    say: Hai?
    choices:
      yes: {label: Có, goto: high, score: {name: danger, add: 2, why: có dao}}
      no: {label: Không, goto: high}
  high:
    next: [{when: {danger: {at_least: 5}}, goto: very}, {when: {danger: {at_most: 0}}, goto: calm}, {else: some}]
  very: {say: Nặng., end: very}
  calm: {say: Nhẹ., end: calm}
  some: {say: Vừa., end: some}
"""
CONSENT = """\
  one:
    say: Mình giữ tên gọi của bạn nhé?
    consent: call_back
    choices: {yes: {label: Đồng ý, goto: name}, no: {label: Không đồng ý, goto: over}}
  name: {say: Gọi bạn là gì?, ask: text, save: named, next: over}
  over: {say: "Xong chưa, {named}?", choices: {again: {label: Hỏi lại, goto: one}, wrong: {label: Lẻn, goto: name}}}
"""


def talker(steps: str) -> Talker:
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    declared = SET.replace("variables:\n", "consents: {call_back: Cho gọi lại}\nvariables:\n") + VARIABLES
    return Talker(small_library(set=declared + "phrases:\n" + phrases, home=HEAD + steps))


def raised(talk: Talker) -> list[Raise]:
    return [effect for effect in talk.effects if isinstance(effect, Raise)]


def test_a_threshold_raises_the_case_with_its_reasons() -> None:
    talk = talker(SCORED)
    talk.type("chào", "có")
    assert raised(talk) == [Raise(Severity.URGENT, "Nguy hiểm 3: bị bóp cổ")]
    talk.type("có")
    assert raised(talk) == [Raise(Severity.EMERGENCY, "Nguy hiểm 5: bị bóp cổ; có dao")]


def test_an_emergency_by_score_brings_the_card_at_once_and_then_goes_on() -> None:
    talk = talker(SCORED)
    talk.type("chào", "có", "có")
    assert talk.session.place() == "card.show"
    assert talk.type("nhắn tiếp") == ["Nặng."]
    assert talk.session.outcome == "very"


def test_answering_again_replaces_a_share_and_never_counts_twice() -> None:
    talk = talker(SCORED)
    talk.type("chào", "có", "quay lại", "có", "quay lại", "không")
    assert talk.session.variables["danger"] == 0
    assert talk.type("không") == ["Nhẹ."]
    again = talker(SCORED)
    again.type("chào", "không")
    assert again.type("có") == ["Vừa."]


def test_consent_is_recorded_with_the_text_she_was_asked() -> None:
    talk = talker(CONSENT)
    talk.type("chào", "đồng ý")
    (given,) = [effect for effect in talk.effects if isinstance(effect, ConsentGiven)]
    assert (given.purpose, given.label, given.step, len(given.text)) == ("call_back", "Cho gọi lại", "home.one", 12)
    other = talker(CONSENT.replace("Mình giữ", "Mình xin giữ"))
    other.type("chào", "đồng ý")
    assert [effect.text for effect in other.effects if isinstance(effect, ConsentGiven)] != [given.text]


def test_a_mistyped_yes_is_no_consent() -> None:
    talk = talker(CONSENT)
    talk.type("chào", "dongg y")
    assert talk.session.place() == "home.one"


def test_a_consent_taken_back_forgets_what_was_kept() -> None:
    talk = talker(CONSENT)
    talk.type("chào", "đồng ý")
    assert talk.type("Hoa") == ["Xong chưa, Hoa?"]
    talk.type("hỏi lại", "không đồng ý")
    assert "named" not in talk.session.variables
    assert any(isinstance(effect, ConsentWithdrawn) for effect in talk.effects)
    assert Remember("named", None, "Tên gọi", "") in talk.effects


def test_without_consent_nothing_identifying_is_kept_whatever_the_flow_does() -> None:
    talk = talker(CONSENT)
    talk.type("chào", "không đồng ý", "lẻn")
    assert talk.give(Said("Hoa")) == ["Xong chưa, ?"]
    assert "named" not in talk.session.variables
    assert not [effect for effect in talk.effects if isinstance(effect, Remember)]


def test_scores_and_consents_are_checked_when_loaded() -> None:
    steps = CONSENT.replace("no: {label: Không đồng ý", "never: {label: Không đồng ý")
    steps = steps.replace(
        "over: {say", "other: {say: A?, consent: nothing, choices: {yes: {label: Có, goto: over}}}\n  over: {say"
    )
    steps += "  odd: {say: A?, choices: {yes: {label: Có, goto: over, score: {name: named, add: 1, why: a}}}}\n"
    declared = SET.replace("variables:\n", "consents: {call_back: Cho gọi lại}\nvariables:\n") + VARIABLES
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    found = load(small_files(set=declared + "phrases:\n" + phrases, home=HEAD + steps)).findings
    assert [(finding.line, finding.code) for finding in found] == [
        (7, "consent-shape"),
        (10, "consent-shape"),
        (10, "unknown-consent"),
        (12, "wrong-type"),
    ]


def test_a_higher_severity_needs_a_higher_threshold() -> None:
    def codes(variable: str) -> list[str]:
        phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
        files = small_files(set=f"{SET}  danger: {variable}\nphrases:\n{phrases}")
        return [finding.code for finding in load(files).findings]

    assert codes("{type: score, thresholds: {urgent: 3, emergency: 3}}") == ["bad-range"]
    assert codes("{type: score, thresholds: {none: 3}}") == ["bad-range"]
    assert codes("{type: number, thresholds: {urgent: 3}}") == ["bad-value"]
    assert codes("{type: score, thresholds: {urgent: 3, emergency: 4}}") == []
