"""How well a lexicon reads labelled examples, and when an edit is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import shipped
from flows.severity import Severity
from handlers.rules import recall
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.recall import Example, Figures
from handlers.rules.screening import PROBE, Screening

E, U, S, INFO, NONE = (Severity(name) for name in ("emergency", "urgent", "standard", "info", "none"))
DANGER = Example("chồng em cầm dao đuổi em", E, "dv_physical", "E2", "victim")
WORRY = Example("chồng em dọa giết em", U, "dv_physical", "U2", "victim")
PROBED = Example("vợ tôi đang ở đâu", U, PROBE, "U12", "perpetrator")
CALM = Example("hôm nay trời đẹp", NONE, "unrelated", "N3", "other")
ALL = [DANGER, WORRY, PROBED, CALM]


def screen_of(**severities: Severity) -> recall.Screen:
    """Reads everything rightly, but for the examples named."""
    given = {"danger": DANGER, "worry": WORRY, "probe": PROBED, "calm": CALM}
    read = {one.text: (one.severity, one.category) for one in ALL}
    read |= {given[name].text: (severity, "unrelated") for name, severity in severities.items()}
    return lambda text: read.get(text, (NONE, "unrelated"))


def figures(**severities: Severity) -> Figures:
    return recall.measure(screen_of(**severities), ALL, ["accents"]).by_spelling["accents"]


def content(*examples: Example, record: Figures | None = None) -> dict[str, bytes]:
    lines = ["text,severity,category,rule,speaker"]
    lines += [f'"{one.text}",{one.severity},{one.category},{one.rule},{one.speaker}' for one in examples]
    files = {recall.EXAMPLES: "\n".join(lines).encode()}
    if record is not None:
        measured = recall.Measured(by_spelling={"accents": record})
        files[recall.RECORD] = recall.write_record(measured)
    return files


# --- counting ---------------------------------------------------------------------------------------------------------


def test_everything_found_counts_so():
    assert figures() == Figures(1, 1, 0, 2, 0, 1, 0, 1, 1)


@pytest.mark.parametrize(
    ("read", "changed"),
    [
        ({"danger": U}, {"found": 0}),
        ({"danger": S}, {"found": 0, "lost": 1}),
        ({"worry": S}, {}),
        ({"worry": INFO}, {"urgent_lost": 1}),
        ({"calm": U}, {}),
        ({"calm": E}, {"false_alarms": 1}),
        ({"probe": U}, {"probes_found": 0}),
        ({"probe": E}, {}),  # an emergency is looked at in any case
    ],
)
def test_each_kind_of_mistake_counts_where_it_belongs(read: dict[str, Severity], changed: dict[str, int]):
    assert figures(**read) == replace(Figures(1, 1, 0, 2, 0, 1, 0, 1, 1), **changed)


def test_every_spelling_rule_and_speaker_has_its_figures():
    measured = recall.measure(screen_of(), ALL)
    assert set(measured.by_spelling) == set(VARIANTS)
    assert set(measured.by_rule) == {"E2", "U2", "U12", "N3"}
    assert measured.by_speaker["victim"].emergencies == len(VARIANTS)
    assert len(measured.readings) == len(ALL) * len(VARIANTS)


# --- refusing an edit -------------------------------------------------------------------------------------------------


def test_an_edit_that_changes_nothing_is_accepted():
    assert recall.findings(content(*ALL, record=figures()), screen_of()) == []


@pytest.mark.parametrize(
    ("read", "code"),
    [
        ({"danger": U}, "lexicon-recall-lower"),
        ({"danger": NONE}, "lexicon-recall-lower"),
        ({"worry": NONE}, "lexicon-recall-lower"),
        ({"probe": U}, "lexicon-recall-lower"),
        ({"calm": E}, "lexicon-false-alarms"),
    ],
)
def test_an_edit_that_reads_worse_is_refused_with_its_line_and_what_next(read: dict[str, Severity], code: str):
    found = recall.findings(content(*ALL, record=figures()), screen_of(**read))
    assert {finding.code for finding in found} == {code}
    assert all((finding.file, finding.line) == (recall.RECORD, 2) for finding in found)
    assert all(recall.ACCEPT in finding.message and recall.ACCEPT in finding.message_en for finding in found)
    assert not any(one.text in finding.message for finding in found for one in ALL)


def test_better_than_recorded_is_welcome():
    worse = replace(figures(), found=0, lost=1, probes_found=0, false_alarms=1)
    assert recall.findings(content(*ALL, record=worse), screen_of()) == []


def test_one_more_ring_among_many_calm_messages_is_borne():
    calm = [replace(CALM, text=f"hôm nay trời đẹp {number}") for number in range(150)]
    record = Figures(calm=150)
    screen_calm = lambda text: (E if text.endswith(" 7") else NONE, "unrelated")  # noqa: E731
    assert recall.findings(content(*calm, record=record), screen_calm) == []


def test_a_set_without_examples_or_record_is_not_judged():
    assert recall.findings({}, screen_of(danger=NONE)) == []
    assert recall.findings(content(*ALL), screen_of(danger=NONE)) == []


@pytest.mark.parametrize(
    ("name", "bad", "code"),
    [
        (recall.EXAMPLES, b"text,severity\nx,none\n", "bad-examples"),
        (recall.EXAMPLES, b"text,severity,category,rule,speaker\nx,severe,dv_physical,E1,victim\n", "bad-examples"),
        (recall.EXAMPLES, b"text,severity,category,rule,speaker\nx,none\n", "bad-examples"),
        (recall.EXAMPLES, b"\xff\xfe", "bad-examples"),
        (recall.RECORD, b"spelling,found\naccents,1\n", "bad-recall"),
        (
            recall.RECORD,
            b"spelling," + ",".join(recall.FIGURES).encode() + b"\naccents,1,1,x,1,1,1,1,1,1\n",
            "bad-recall",
        ),
    ],
)
def test_bad_files_are_findings(name: str, bad: bytes, code: str):
    files = {**content(*ALL, record=figures()), name: bad}
    assert [finding.code for finding in recall.findings(files, screen_of())] == [code]


def test_the_shipped_record_says_what_the_shipped_lexicon_finds():
    files = shipped.content_files()
    read = Screening.load(files).read

    def screen(text: str) -> tuple[Severity, str]:
        verdict = read(text)
        return verdict.severity, verdict.category

    measured = recall.measure_typed(screen, recall.typed_examples(files))
    assert recall.write_record(measured) == files[recall.RECORD]
    assert recall.ENGLISH in measured.by_spelling


def test_english_examples_are_typed_in_one_way():
    files = content(DANGER)
    files[recall.ENGLISH_EXAMPLES] = (
        b"text,severity,category,rule,speaker\nhe has a knife,emergency,dv_physical,E2,victim\n"
    )
    spellings = [spelling for _, spelling, _ in recall.typed_examples(files)]
    assert spellings == [*VARIANTS, recall.ENGLISH]


def test_the_record_comes_back_as_written():
    measured = recall.measure(screen_of(danger=S), ALL)
    read = recall.read_record(recall.RECORD, recall.write_record(measured))
    assert {spelling: found for spelling, (_, found) in read.items()} == measured.by_spelling
    assert [line for line, _ in read.values()] == [2, 3, 4, 5]
    with pytest.raises(LexiconError):
        recall.read_record(recall.RECORD, b"")
