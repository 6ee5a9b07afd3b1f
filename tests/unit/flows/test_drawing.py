"""Drawings: every step and every way of the set is in them, marks stand where they belong, texts cannot break them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from bot import shipped
from flows.checks import check
from flows.drawing import MAX_SAID, Marks, cards, in_words, marks_of, mermaid, overview, shortened
from flows.drawing_svg import svg
from flows.findings import Finding
from flows.library import Library
from flows.transcripts import coverage
from tests.unit.flows.sample_set import changed, library_of

SVG = "{http://www.w3.org/2000/svg}"
WELCOME = "flows/welcome.yaml"


@pytest.fixture(scope="module")
def library() -> Library:
    return library_of(changed([]))


def ids(picture: str) -> set[str]:
    return {element.get("id", "") for element in ElementTree.fromstring(picture).iter()}


def words(picture: str) -> str:
    return " ".join(ElementTree.fromstring(picture).itertext())


def test_the_first_step_stands_first_and_every_way_has_its_words(library: Library) -> None:
    drawn = {card.step: card for card in cards(library, "welcome", Marks())}
    assert next(iter(drawn)) == "hello"
    assert drawn["hello"].starts
    assert [(way.label, way.to, way.severity) for way in drawn["hello"].ways] == [
        ("Có", "who", ""),
        ("Không", "card", "emergency"),
    ]
    assert [(way.label, way.to) for way in drawn["who"].ways][-1] == ("im lặng 10m", "nudge")
    assert [(way.label, way.to) for way in drawn["find"].ways] == [("services trống", "nothing"), ("còn lại", "show")]
    assert ("bỏ qua", "nothing") in [(way.label, way.to) for way in drawn["where"].ways]
    assert (drawn["card"].calls, drawn["card"].kind_shown) == ("card", "gọi luồng")


def test_asking_for_consent_and_not_being_understood_are_shown() -> None:
    consent = {"file": "set.yaml", "old": "variables:\n", "new": "consents: {story: Kể lại}\nvariables:\n"}
    old = "      me: {label: Tôi, goto: where}\n      other: {label: Người khác, goto: where}\n    save: about\n"
    new = "      yes: {label: Đồng ý, goto: where}\n      no: {label: Không, goto: bye}\n    consent: story\n"
    unclear = "    unclear: {tries: 2, goto: nudge}\n"
    changes = [consent, {"file": WELCOME, "old": old, "new": new + unclear}]
    shown = library_of(changed(changes))
    drawn = {card.step: card for card in cards(shown, "welcome", Marks())}
    assert (drawn["who"].kind_shown, drawn["who"].does) == ("xin đồng ý", "story")
    assert ("không hiểu", "nudge") in [(way.label, way.to) for way in drawn["who"].ways]


def test_the_time_a_call_may_take_is_shown() -> None:
    shown = library_of(
        changed([{"file": WELCOME, "old": "call: card\n", "new": "call: card\n    within: {after: 2h, goto: bye}\n"}])
    )
    drawn = {card.step: card for card in cards(shown, "welcome", Marks())}
    assert ("quá 2h", "bye") in [(way.label, way.to) for way in drawn["card"].ways]


def test_in_english_the_words_of_the_drawing_are_english(library: Library) -> None:
    drawn = {card.step: card for card in cards(library, "welcome", Marks(), "en")}
    assert drawn["who"].kind_shown == "choices"
    assert [way.label for way in drawn["find"].ways] == ["services empty", "else"]


@pytest.mark.parametrize("flow", ["welcome", "talk"])
def test_both_drawings_show_every_step_and_choice(library: Library, flow: str) -> None:
    picture, text = svg(library, [flow], Marks()), mermaid(library, [flow], Marks())
    for step, part in library.flows[flow].steps.items():
        assert f"{flow}.{step}" in ids(picture)
        assert f"s_{flow}__{step}" in text
        for choice in (part.choices or {}).values():
            assert choice.label in words(picture)
            assert f'|"{choice.label}"|' in text


def test_the_whole_shipped_set_can_be_drawn() -> None:
    shown = library_of(shipped.content_files())
    picture = svg(shown, list(shown.flows), Marks())
    steps = {f"{name}.{step}" for name, flow in shown.flows.items() for step in flow.steps}
    assert steps <= ids(picture)
    links = {element.get("href", "")[1:] for element in ElementTree.fromstring(picture).iter(f"{SVG}a")}
    assert links <= ids(picture), "a link leads nowhere"
    text = mermaid(shown, list(shown.flows), Marks())
    assert text.count("subgraph ") == len(shown.flows) == sum(line == "  end" for line in text.split("\n"))
    assert picture == svg(shown, list(shown.flows), Marks())


def test_above_several_flows_stands_what_calls_what(library: Library) -> None:
    drawn = {card.step: card for card in overview(library, list(library.flows), "en")}
    assert (next(iter(drawn)), drawn["welcome"].kind_shown) == ("welcome", "start")
    assert drawn["card"].kind_shown == "help, danger"
    assert drawn["welcome"].ways == ()  # it calls only what global words lead to as well
    more = {"file": "flows/more.yaml", "new": "flow: more\ntitle: T\nstart: a\nsteps:\n  a:\n    return: true\n"}
    called = library_of(changed([{"file": WELCOME, "old": "call: leave", "new": "call: more"}, more]))
    drawn = {card.step: card for card in overview(called, list(called.flows))}
    assert [(way.label, way.to) for way in drawn["welcome"].ways] == [("more", "more")]
    assert "whole-set.more" in ids(svg(called, list(called.flows), Marks()))
    assert "whole-set.more" not in ids(svg(called, ["more"], Marks()))


def test_what_leads_back_is_a_link_and_no_line(library: Library) -> None:
    picture = ElementTree.fromstring(svg(library, ["welcome"], Marks()))
    (nudge,) = [group for group in picture.iter(f"{SVG}g") if group.get("id") == "welcome.nudge"]
    assert [link.get("href") for link in nudge.iter(f"{SVG}a")] == ["#welcome.who"]
    assert "↩ who" in "".join(nudge.itertext())


def test_marks_stand_at_the_step_in_whose_lines_they_are_found() -> None:
    broken = library_of(
        changed([{"file": "flows/after.yaml", "old": "Máy lại trả lời bạn.", "new": "Máy lại gọi 113."}])
    )
    findings = [one for one in check(broken, changed([])) if one.code == "written-number"]
    marks = marks_of(broken, findings)
    assert marks.findings == {"after.thanks": ("written-number",)}
    assert "⚠ written-number" in words(svg(broken, ["after"], marks))
    assert "⚠ written-number" in mermaid(broken, ["after"], marks)
    assert ":::finding" in mermaid(broken, ["after"], marks)


def test_findings_elsewhere_mark_no_step(library: Library) -> None:
    elsewhere = [Finding("set.yaml", 9, 1, "x", "", ""), Finding(WELCOME, 1, 1, "y", "", "")]
    assert marks_of(library, elsewhere).findings == {}


def test_what_no_transcript_passes_is_dashed(library: Library) -> None:
    passed = {f"welcome.{step}" for step in library.flows["welcome"].steps if step != "nudge"} | {"welcome.hello:safe"}
    marks = marks_of(library, [], coverage(library, passed))
    drawn = {card.step: card for card in cards(library, "welcome", marks)}
    assert [step for step, card in drawn.items() if card.uncovered] == ["nudge"]
    assert [way.uncovered for way in drawn["hello"].ways] == [False, True]
    picture = svg(library, ["welcome"], marks)
    assert "stroke-dasharray" in picture
    assert "stroke-dasharray" not in svg(library, ["welcome"], Marks())
    assert ":::uncovered" in mermaid(library, ["welcome"], marks)


def test_no_text_breaks_out_of_a_drawing() -> None:
    evil = '"<script>x</script>|] #end; & -->'
    shown = library_of(
        changed([{"file": WELCOME, "old": "Bạn cứ thong thả nhé.", "new": f"'Bạn cứ thong thả nhé, bạn ơi. {evil}'"}])
    )
    picture = svg(shown, ["welcome"], Marks())
    assert not list(ElementTree.fromstring(picture).iter(f"{SVG}script"))
    (line,) = [line for line in mermaid(shown, ["welcome"], Marks()).split("\n") if "s_welcome__nudge(" in line]
    assert line.count('"') == 2
    assert "<script" not in line
    assert "#lt;script#gt;" in line


def test_long_texts_are_cut_between_words() -> None:
    assert shortened("một hai ba bốn năm sáu", 12) == "một hai ba…"
    assert shortened("ngắn", 12) == "ngắn"
    assert len(shortened("x" * 500, MAX_SAID)) == MAX_SAID


@pytest.mark.parametrize(
    ("when", "expected", "english"),
    [
        ({"about": "me"}, "about = me", "about = me"),
        ({"age_band": ["age_0_5", "age_6_12"]}, "age_band = age_0_5, age_6_12", "age_band = age_0_5, age_6_12"),
        ({"danger": {"at_least": "4"}}, "danger ≥ 4", "danger ≥ 4"),
        ({"services": "empty"}, "services trống", "services empty"),
        ({"not": {"place": "set"}}, "không (place đã có)", "not (place set)"),
        ({"any": [{"a": "x"}, {"b": "y"}]}, "a = x hoặc b = y", "a = x or b = y"),
    ],
)
def test_conditions_read_like_words(when: dict[str, object], expected: str, english: str) -> None:
    assert in_words(when) == expected
    assert in_words(when, True) == english
