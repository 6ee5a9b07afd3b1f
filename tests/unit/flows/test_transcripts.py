"""Transcripts: what they may say, that they fail when the talk differs, and what they leave uncovered."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.worlds import load_world
from flows.checks import check
from flows.effects import AskOnDuty, RedeemReturnCode
from flows.loader import read_dir
from flows.rehearsal import Outcome, run
from flows.transcripts import Script, coverage, scripts
from handlers.directory_files import load_seed
from handlers.rehearsal import RehearsalHost
from handlers.world import Libraries
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import TALK, changed, library_of

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"
FILE = "transcripts/talk.transcript.yaml"


def script_of(text: str) -> Script:
    found, findings = scripts({FILE: text.encode()})
    assert findings == []
    return found[0]


def played(turns: str, changes: list[dict[str, str]] | None = None, **world: str) -> Outcome:
    """The sample set, maybe changed, and a transcript with these turns (and maybe an `end`)."""
    written = "".join(f"  {key}: {value}\n" for key, value in world.items())
    head = "transcript: Thử\n" + (f"world:\n{written}" if world else "")
    return run(library_of(changed(changes or [])), script_of(f"{head}turns:\n{turns}"), FakeHost())


def told(outcome: Outcome) -> list[str]:
    return [str(failure) for failure in outcome.failures]


# --- a talk that goes as written ----------------------------------------------------------------------------------


WHOLE = """\
  - say: chào
    expect: {says: [đang nhắn với máy], not_says: [Công an], choices: [Có, Không], step: welcome.hello, status: waiting}
  - choose: Có
  - silence: 10m
    expect: {says: [thong thả], step: welcome.nudge}
  - choose: Nhắn tiếp
  - choose: Tôi
    expect: {effects: [Remember], step: welcome.where, severity: none}
  - share: "03390"
    expect: {says: [xã Bình Lư]}
  - choose: Có
    expect: {says: [Trạm y tế xã], effects: [Hush, Ended], status: ended}
end: {status: ended, variables: {about: me, place: "03390", services: '[{"id": "one", "text": "Trạm y tế xã"}]'}}
"""


def test_a_talk_that_goes_as_written_passes() -> None:
    outcome = played(WHOLE)
    assert told(outcome) == []
    assert outcome.title == "Thử"
    assert {"welcome.hello", "welcome.hello:safe", "welcome.nudge", "welcome.show", "leave.over"} <= outcome.visited
    assert "welcome.nothing" not in outcome.visited


def test_screening_breaks_in_and_counts_as_severity() -> None:
    turns = "  - say: tôi nguy lắm\n    expect: {says: ['113'], step: card.card, severity: emergency}\n"
    assert told(played(turns + "  - choose: Nhắn tiếp\n    expect: {step: welcome.hello, severity: emergency}\n")) == []


def test_handover_and_release() -> None:
    turns = """\
  - say: chào
  - say: gặp người
    expect: {step: talk.wish}
  - choose: Vâng
    expect: {effects: [Handover], status: handed_over}
  - say: bạn ở đâu
    expect: {status: handed_over, not_says: [Bình An]}
  - release: yes
    expect: {status: waiting, step: welcome.hello}
  - unsupported: yes
    expect: {step: welcome.hello}
"""
    assert told(played(turns)) == []


def test_an_old_button_is_stale() -> None:
    turns = "  - say: chào\n  - choose: Có\n  - choose_old: Có\n    expect: {step: welcome.who, choices: [Tôi]}\n"
    assert told(played(turns)) == []


def test_the_world_answers_for_the_host() -> None:
    duty = """\
  wish:
    do: on_duty
    save: staffed
    next:
      - {when: {staffed: yes}, goto: person}
      - {else: away}
  away:
    say: Lúc này chưa có người trực.
    do: find_services
    with: {near: place, needs: [shelter]}
    save: services
    next: code
  code:
    say: Bạn gõ mã giúp mình nhé.
    ask: {type: code, skip: done}
    save: code
    next: redeem
  redeem:
    do: redeem_code
    with: {code: code}
    save: redeemed
    next: done
  person:"""
    start = TALK[TALK.index("  wish:") : TALK.index("  person:") + len("  person:")]
    changes = [
        {"file": "flows/talk.yaml", "old": start, "new": duty},
        {
            "file": "set.yaml",
            "old": "  services:",
            "new": "  staffed: {type: flag}\n  redeemed: {type: flag}\n  code: {type: code}\n  services:",
        },
    ]
    host = FakeHost()
    turns = "turns:\n  - say: gặp người\n    expect: {says: [chưa có người trực]}\n  - say: ABCD-EFGH-JKLM\n"
    end = "end: {variables: {staffed: no, services: empty, redeemed: no}}\n"
    text = "transcript: Thử\nworld: {on_duty: no, services: [], code_known: no}\n" + turns + end
    assert told(run(library_of(changed(changes)), script_of(text), host)) == []
    assert not any(isinstance(question, (AskOnDuty, RedeemReturnCode)) for question in host.asked)


# --- a talk that does not -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("says: [xin chào]", ":5:21: transcript-failed lượt 1: cần câu có “xin chào”; thực tế: Bình An đây."),
        ("not_says: [máy]", ":5:25: transcript-failed lượt 1: cần không câu nào có “máy”; thực tế: Bình An đây."),
        ("choices: [Có, Bỏ qua]", ":5:28: transcript-failed lượt 1: cần lựa chọn “Bỏ qua”; thực tế: Có, Không"),
        ("step: welcome.who", ":5:14: transcript-failed lượt 1: cần welcome.who; thực tế: welcome.hello"),
        ("severity: urgent", ":5:14: transcript-failed lượt 1: cần urgent; thực tế: none"),
        ("effects: [Handover]", ":5:14: transcript-failed lượt 1: cần Handover; thực tế: Say"),
        ("status: ended", ":5:14: transcript-failed lượt 1: cần ended; thực tế: waiting"),
    ],
)
def test_every_expectation_can_fail(expect: str, failure: str) -> None:
    text = f"transcript: Thử\n\nturns:\n  - say: chào\n    expect: {{{expect}}}\n"
    outcome = run(library_of(changed([])), script_of(text), FakeHost())
    assert len(outcome.failures) == 1
    assert told(outcome)[0].startswith(FILE + failure)


def test_a_missing_button_ends_the_talk() -> None:
    """What comes after it would fail only because of it."""
    turns = "  - say: chào\n  - choose: Bỏ qua\n    expect: {step: nowhere}\n  - choose: Có\nend: {status: ended}\n"
    assert told(played(turns)) == [
        f"{FILE}:4:5: transcript-failed lượt 2: cần lựa chọn “Bỏ qua”; thực tế: Có, Không",
    ]
    assert told(played("  - say: chào\n  - choose_old: Có\n")) == [
        f"{FILE}:4:5: transcript-failed lượt 2: cần nút cũ “Có”; thực tế: không có gì",
    ]


def test_a_wrong_end_is_told() -> None:
    assert told(played("  - say: chào\nend: {status: ended, variables: {about: me}}\n")) == [
        f"{FILE}:4:7: transcript-failed lúc cuối: cần ended; thực tế: waiting",
        f"{FILE}:4:34: transcript-failed lúc cuối: cần about: me; thực tế: empty",
    ]


def test_a_silence_shorter_than_the_timer_changes_nothing() -> None:
    outcome = played("  - say: chào\n  - choose: Có\n  - silence: 9m\n    expect: {says: [thong thả]}\n")
    assert len(outcome.failures) == 1


def test_a_flow_that_fails_is_a_failure_even_when_nothing_is_expected() -> None:
    loop = {
        "file": "flows/welcome.yaml",
        "old": "    say: Mình chưa tìm được.\n    next: bye",
        "new": "    next: nothing",
    }
    outcome = played("  - say: chào\n  - choose: Có\n  - choose: Tôi\n  - choose: Bỏ qua\n", [loop])
    failed = [line for line in told(outcome) if "lượt 4: cần luồng chạy được; thực tế: Failed" in line]
    assert len(failed) == 1


# --- broken files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("transcript: Thử\nturns:\n  - {say: a, choose: b}\n", "3:5: turn-shape"),
        ("transcript: Thử\nturns:\n  - {expect: {says: a}}\n", "3:5: turn-shape"),
        ("transcript: Thử\nturns:\n  - {says: a}\n", "3:6: unknown-key"),
        ("transcript: Thử\nturns:\n  - {say: a, expect: {severity: bad}}\n", "3:23: bad-value"),
        ("transcript: Thử\nturns:\n  - {say: a, expect: {effects: [Call]}}\n", "3:33: bad-value"),
        ("transcript: Thử\nturns:\n  - silence: lâu\n", "3:5: bad-duration"),
        ("turns:\n  - say: a\n", "1:1: missing-key"),
        ("transcript: Thử\nturns: []\n", "2:1: empty"),
        ("transcript: [\n", "2:1: bad-yaml"),
    ],
)
def test_a_broken_transcript_is_told_with_its_place(text: str, finding: str) -> None:
    found, findings = scripts({FILE: text.encode(), "flows/other.yaml": b"["})
    assert found == []
    assert [str(one).split(" ")[1] for one in findings] == [finding.split(" ")[1]]
    assert str(findings[0]).startswith(f"{FILE}:{finding} ")


# --- coverage -----------------------------------------------------------------------------------------------------


def test_what_no_transcript_passes_is_told() -> None:
    library = library_of(changed([]))
    covered = coverage(library, played(WHOLE).visited)
    assert "welcome.nothing" in covered.missed_steps
    assert "welcome.hello" not in covered.missed_steps
    assert "welcome.who:other" in covered.missed_choices
    assert "welcome.who:me" not in covered.missed_choices
    assert len(covered.steps) == sum(len(flow.steps) for flow in library.flows.values())


def test_check_with_a_host_runs_transcripts_and_finds_uncovered_steps() -> None:
    files = changed([])
    files[FILE] = ("transcript: Thử\nturns:\n" + WHOLE).encode()
    library = library_of(files)
    found = [str(finding) for finding in check(library, files, FakeHost())]
    covered = coverage(library, played(WHOLE).visited)
    assert [line.split(" ")[1] for line in found] == ["uncovered-step"] * len(covered.missed_steps)
    assert any(line.startswith("flows/welcome.yaml:39:3: uncovered-step không có bản ghi mẫu") for line in found)
    files[FILE] = b"transcript: Th\xe1\xbb\xad\nturns:\n  - {say: a, expect: {step: nowhere}}\n"
    assert any("transcript-failed" in str(finding) for finding in check(library, files, FakeHost()))
    assert check(library, files) == []  # without a host transcripts are not looked at


# --- the shipped talks --------------------------------------------------------------------------------------------


def test_the_shipped_transcripts_pass_with_the_real_screening_places_and_directory() -> None:
    """Every one passes, and together they pass every step."""
    files = read_dir(SHIPPED)
    world = load_world(files, list(load_seed(files)), ZoneInfo("Asia/Ho_Chi_Minh"), Libraries())
    found, broken = scripts(files)
    assert len(found) > 40
    findings = [
        *broken,
        *(failure for script in found for failure in run(world.library, script, RehearsalHost(world)).failures),
    ]
    assert [str(finding) for finding in findings] == []
    assert check(world.library, files, RehearsalHost(world)) == []
