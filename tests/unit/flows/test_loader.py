"""The loader: strict YAML, every mistake at its place, and nothing dangling in a set that loads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flows import loader
from flows.library import Library
from flows.loader import Finding, load, read_dir, version_of
from flows.phrases import PHRASES
from flows.schema import StepKind
from flows.source import parse
from tests.unit.flows.small_set import LINES, SET, small_files, small_library

SHIPPED = Path(__file__).parents[3] / "flows" / "content"
HEAD = "flow: x\ntitle: T\nstart: a\nsteps:\n"


def findings_of(steps: str) -> list[tuple[int, int, str]]:
    """Line (of the steps, from 1), column and code of every finding for a flow with these steps."""
    found = load(small_files(x=HEAD + steps)).findings
    assert all(finding.file == "flows/x.yaml" for finding in found), [str(finding) for finding in found]
    return [(finding.line - 4, finding.column, finding.code) for finding in found]


def test_small_set_loads_and_says_where_things_stand() -> None:
    library = small_library()
    assert library.flows["home"].steps["menu"].kind is StepKind.CHOICES
    assert library.where("home", "steps", "menu", "choices", "me", "label") == ("flows/home.yaml", 10, 12)
    assert library.where_in("set.yaml", "words", "stop") == ("set.yaml", 7, 3)
    assert library.where("home", "nothing", "of", "this") == ("flows/home.yaml", 1, 1)
    assert library.say("confirm_place", place="xã A") == "confirm_place xã A"
    with pytest.raises(KeyError):
        library.say("confirm_place")


def test_shipped_set_loads() -> None:
    loaded = load(read_dir(SHIPPED))
    assert [str(finding) for finding in loaded.findings] == []
    assert isinstance(loaded.library, Library)
    assert set(loaded.library.phrases) == set(PHRASES)


# --- strict YAML --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a: &x 1\nb: 2\n", (1, 4, "anchor")),
        (b"a: 1\nb: *x\n", (2, 4, "alias")),
        (b"a: !!int 1\n", (1, 4, "tag")),
        (b"a: !x [1]\n", (1, 4, "tag")),
        (b"a: 1\n  b: 2\n", (2, 4, "bad-yaml")),
        (b"a: 1\n'b: 2\n", (3, 1, "bad-yaml")),
        (b"a: 1\nb: 2\na: 3\n", (3, 1, "duplicate-key")),
        (b"[a, b]: 1\n", (1, 1, "bad-key")),
        (b"<<: {a: 1}\n", (1, 1, "bad-key")),
        (b"a: 1\nb: \xff\n", (2, 4, "not-utf8")),
        (b"", (1, 1, "empty-file")),
        (b"# nothing\n", (1, 1, "empty-file")),
        (b"a: 1\n---\nb: 2\n", (2, 1, "bad-yaml")),
        (b"a: \x00\n", (1, 1, "bad-yaml")),
        (b"a: " + b"x" * 256 * 1024, (1, 1, "file-too-large")),
        (b"[" * 30 + b"]" * 30, (1, 21, "too-deep")),
        (b"[ " * 999, (1, 41, "too-deep")),
    ],
)
def test_what_yaml_allows_and_we_do_not(text: bytes, expected: tuple[int, int, str]) -> None:
    (found,) = parse("f.yaml", text).findings
    assert (found.line, found.column, found.code) == expected


def test_a_line_of_brackets_is_too_deep_even_where_the_parser_reads_ahead_of_us() -> None:
    (found,) = parse("f.yaml", b"a: b\nc: " + b"[" * 100_000).findings
    assert (found.line, found.code) == (2, "too-deep")  # the column depends on how far the parser's version reads


def test_billion_laughs_is_refused_without_being_built() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    source = parse("f.yaml", "\n".join(lines).encode())
    assert source.tree is None
    assert {finding.code for finding in source.findings} == {"anchor", "alias"}


def test_scalars_stay_what_was_written() -> None:
    source = parse("f.yaml", b"a: no\nb: 0111\nc: 1:30\nd: 2026-11-23\ne: '~'\nf: ~\ng: 1e3\n")
    assert source.tree == {"a": "no", "b": "0111", "c": "1:30", "d": "2026-11-23", "e": "~", "f": None, "g": "1e3"}


# --- shape ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("  a: {say: Chào, nxt: b}\n", [(1, 18, "unknown-key")]),
        (
            "  a: {say: Chào, silence: {after: 10, goto: a}, choices: {b: {label: B, goto: a}}}\n",
            [(1, 28, "bad-duration")],
        ),
        (
            "  a: {say: Chào, silence: {after: 90h, goto: a}, choices: {b: {label: B, goto: a}}}\n",
            [(1, 28, "out-of-range")],
        ),
        ("  A: {end: done}\n", [(1, 3, "bad-name")]),
        ("  a: {end: Xong rồi}\n", [(1, 7, "bad-name")]),
        ("  a: {say: '', end: done}\n", [(1, 7, "empty")]),
        ("  a: {end: done, severity: high}\n", [(1, 18, "bad-value")]),
        ("  a: {end: done, category: hurt}\n", [(1, 18, "bad-value")]),
        ("  a: {return: no}\n", [(1, 7, "bad-value")]),
        ("  a: {say: [Một, {b: c}], end: done}\n", [(1, 18, "wrong-shape")]),
        ("  a: text\n", [(1, 3, "wrong-shape")]),
        ("  a: {say: Gì?, choices: {}}\n", [(1, 17, "empty")]),
        ("  a: {say: Gì?, choices: {b: {goto: a}}}\n", [(1, 27, "missing-key")]),
        ("  a: {next: [{goto: a}, {else: a}]}\n", [(1, 14, "branch-shape")]),
        ("  a: {say: " + "x" * 2001 + ", end: done}\n", [(1, 7, "too-long")]),
    ],
)
def test_mistakes_of_shape(steps: str, expected: list[tuple[int, int, str]]) -> None:
    assert findings_of(steps) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("  a: {next: b}\n", [(1, 7, "unknown-step")]),
        ("  a: {say: Gì?, choices: {b: {label: B, goto: c}}}\n", [(1, 41, "unknown-step")]),
        ("  a: {call: nowhere, next: a}\n", [(1, 7, "unknown-flow")]),
        ("  a: {call: home}\n", [(1, 3, "missing-next")]),
        ("  a: {set: {nothing: yes}, end: done}\n", [(1, 13, "unknown-variable")]),
        ("  a: {set: {about: you}, end: done}\n", [(1, 13, "bad-value")]),
        ("  a: {set: {children: 13}, end: done}\n", [(1, 13, "bad-value")]),
        ("  a: {say: '{nothing}', end: done}\n", [(1, 7, "bad-placeholder")]),
        ("  a: {say: '{about', end: done}\n", [(1, 7, "bad-placeholder")]),
        ("  a: {say: '{about|upper}', end: done}\n", [(1, 7, "bad-placeholder")]),
        ("  a: {say: [Một, '{line.nobody}'], end: done}\n", [(1, 18, "unknown-line")]),
        ("  a: {next: [{when: {about: me}, goto: a}]}\n", [(1, 7, "missing-else")]),
        ("  a: {next: [{else: a}, {when: {about: me}, goto: a}]}\n", [(1, 14, "else-not-last")]),
        ("  a: {next: [{when: {about: you}, goto: a}, {else: a}]}\n", [(1, 22, "bad-value")]),
        ("  a: {next: [{when: {nothing: set}, goto: a}, {else: a}]}\n", [(1, 22, "unknown-variable")]),
        ("  a: {next: [{when: {any: {about: me}}, goto: a}, {else: a}]}\n", [(1, 22, "bad-condition")]),
        ("  a: {next: [{when: {about: {at_least: 2}}, goto: a}, {else: a}]}\n", [(1, 22, "bad-value")]),
        ("  a: {next: [{when: {children: {above: 2}}, goto: a}, {else: a}]}\n", [(1, 33, "bad-condition")]),
        ("  a: {next: [{when: {not: {any: [{children: x}]}}, goto: a}, {else: a}]}\n", [(1, 35, "bad-value")]),
        ("  a: {end: done, next: a}\n", [(1, 18, "misplaced-part")]),
        ("  a: {end: done, return: true}\n", [(1, 18, "several-parts")]),
        ("  a: {end: done, silence: {after: 1m, goto: a}}\n", [(1, 18, "misplaced-part")]),
        ("  a: {end: done, with: {desk: auto}}\n", [(1, 18, "misplaced-part")]),
        ("  a: {end: done, save: about}\n", [(1, 18, "misplaced-part")]),
        ("  a: {card: emergency, end: done}\n", [(1, 7, "misplaced-part")]),
        ("  a: {choices: {b: {label: B, goto: a}}}\n", [(1, 3, "silent-question")]),
        ("  a: {say: Gì?, choices: {b: {label: B}}}\n", [(1, 3, "missing-next")]),
        (
            "  a: {say: Gì?, choices: {b: {label: B, goto: a}, c: {label: b!, goto: a}}}\n",
            [(1, 31, "same-label"), (1, 55, "same-label")],
        ),
        ("  a: {say: Gì?, save: about, choices: {you: {label: B, goto: a}}}\n", [(1, 40, "bad-value")]),
        ("  a: {say: Gì?, ask: text, next: a}\n", [(1, 3, "missing-save")]),
        ("  a: {say: Gì?, ask: text, save: about, next: a}\n", [(1, 28, "wrong-type")]),
        ("  a: {say: Gì?, ask: place, save: place, next: a}\n", [(1, 17, "missing-skip")]),
        ("  a: {do: make_code, next: a}\n", [(1, 3, "missing-save")]),
        ("  a: {do: hush, save: known, next: a}\n", [(1, 17, "misplaced-part")]),
        ("  a: {do: on_duty, with: {desks: x}, save: known, next: a}\n", [(1, 27, "unknown-key")]),
        (
            "  a: {do: find_services, with: {near: place, needs: [], limit: 9}, save: services, next: a}\n",
            [(1, 46, "bad-value"), (1, 57, "bad-value")],
        ),
        ("  a: {do: late_answer, with: {wish: until}, next: a}\n", [(1, 24, "missing-key")]),
        ("  a: {do: late_answer, with: {wish: never}, next: a}\n", [(1, 31, "bad-value")]),
        ("  a: {handover: {reason: asked, on_release: b}}\n", [(1, 33, "unknown-step")]),
        ("  a: {call: x, next: a}\n", [(1, 7, "call-ring")]),
    ],
)
def test_mistakes_of_reference(steps: str, expected: list[tuple[int, int, str]]) -> None:
    assert findings_of(steps) == expected


def test_start_that_is_no_step() -> None:
    (found,) = load(small_files(x="flow: x\ntitle: T\nstart: b\nsteps:\n  a: {end: done}\n")).findings
    assert str(found) == "flows/x.yaml:3:1: unknown-step bước bắt đầu “b” không có trong kịch bản này"
    assert found.in_language("en") == "flows/x.yaml:3:1: unknown-step the start step 'b' is not in this flow"


def test_unknown_key_names_the_one_that_was_meant() -> None:
    (found,) = load(small_files(x=HEAD + "  a: {say: Chào, severty: urgent, end: done}\n")).findings
    assert found.message.endswith("có phải “severity”?")
    assert found.message_en.endswith("did you mean 'severity'?")


# --- the whole set ------------------------------------------------------------------------------------------------


def manifest(change: str, to: str) -> str:
    assert SET.count(change) == 1
    phrases = "".join(f"  {key}: {key}\n" for key in PHRASES)
    return SET.replace(change, to) + "phrases:\n" + phrases


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ("entry: home", "entry: nowhere", (3, 1, "unknown-flow")),
        ("danger: card", "danger: nowhere", (4, 66, "unknown-flow")),
        (", released: after", "", (4, 1, "missing-key")),
        ("stop: [dừng, thoát]", "stop: [dừng, Sos!]", (7, 16, "word-twice")),
        ("stop: [dừng, thoát]", "stop: []", (7, 3, "empty")),
        ("hour: {type: time}", "hour: {type: clock}", (18, 10, "bad-value")),
        ("hour: {type: time}", "hour: {type: choice}", (18, 3, "choice-values")),
        ("min: 0, max: 12", "min: 13, max: 12", (15, 3, "bad-range")),
    ],
)
def test_mistakes_in_the_manifest_are_told_once(change: str, to: str, expected: tuple[int, int, str]) -> None:
    (found,) = load(small_files(set=manifest(change, to))).findings
    assert (found.file, found.line, found.column, found.code) == ("set.yaml", *expected)


def test_phrases_are_all_there_with_their_own_placeholders_only() -> None:
    text = small_files()["set.yaml"].decode()
    text = (
        text.replace("  skip: 'skip'\n", "  extra: a\n")
        .replace("'yes'", "'yes {about}'")
        .replace("'no'", "'no {line.x}'")
    )
    found = {(finding.code, finding.line) for finding in load(small_files(set=text)).findings}
    lines = text.splitlines()
    assert found == {
        ("missing-phrase", lines.index("phrases:") + 1),
        ("unknown-phrase", lines.index("  extra: a") + 1),
        ("bad-placeholder", lines.index("  yes: 'yes {about}'") + 1),
        ("unknown-line", lines.index("  no: 'no {line.x}'") + 1),
    }


def test_a_broken_line_is_told_where_it_is_written_only() -> None:
    (found,) = load(small_files(lines=LINES.replace("checked_on: 2026-11-23", "checked_on: hôm qua"))).findings
    assert (found.file, found.line, found.code) == ("lines.yaml", 2, "wrong-shape")


def test_everything_is_told_in_one_run_and_sorted() -> None:
    files = small_files(
        set=manifest("entry: home", "entry: nowhere"),
        lines="police: [1]\n",
        x=HEAD + "  a: {nxt: b}\n  b: {next: c}\n",
        y="flow: y\ntitle: T\nstart: a\nsteps:\n  a: {next: c}\n",
        z="a: *b\n",
        w="flow: other\ntitle: T\nstart: a\nsteps:\n  a: {end: done}\n",
    )
    files["notes.yaml"] = b"a: 1\n"
    loaded = load(files)
    assert loaded.library is None
    assert list(loaded.findings) == sorted(loaded.findings)
    assert [(finding.file, finding.code) for finding in loaded.findings] == [
        ("flows/w.yaml", "file-name"),
        ("flows/x.yaml", "unknown-key"),
        ("flows/y.yaml", "unknown-step"),
        ("flows/z.yaml", "alias"),
        ("lines.yaml", "wrong-shape"),
        ("notes.yaml", "unknown-file"),
        ("set.yaml", "unknown-flow"),
    ]


def test_missing_files_are_told() -> None:
    assert [(found.file, found.code) for found in load({}).findings] == [
        ("lines.yaml", "missing-file"),
        ("set.yaml", "missing-file"),
    ]


def test_a_manifest_that_cannot_be_read_hides_no_mistake_of_a_flow() -> None:
    files = small_files(x=HEAD + "  a: {say: '{nothing}', next: c}\n") | {"set.yaml": b"a: &b 1\n"}
    assert [(found.file, found.code) for found in load(files).findings] == [
        ("flows/x.yaml", "unknown-step"),
        ("set.yaml", "anchor"),
    ]


def test_messages_are_vietnamese_first_with_an_english_twin() -> None:
    finding = Finding("a.yaml", 1, 2, "code", "tiếng Việt", "English")
    assert str(finding) == "a.yaml:1:2: code tiếng Việt"
    assert finding.in_language("en") == "a.yaml:1:2: code English"


def test_version_names_the_content_but_not_transcripts_and_seeds() -> None:
    files = small_files()
    version = version_of(files)
    assert version == small_library().version
    assert len(version) == 64
    assert version_of(files | {"transcripts/a.transcript.yaml": b"x", "directory/services.csv": b"x"}) == version
    assert version_of(files | {"lines.yaml": files["lines.yaml"] + b"\n"}) != version
    assert version_of({"a": b"bc"}) != version_of({"ab": b"c"})
    assert version_of(dict(reversed(files.items()))) == version


def test_read_dir_takes_the_content_and_nothing_hidden(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("set.yaml", "flows/a.yaml", "flows/a.yaml~", ".git/b.yaml", "flows/.c.yaml", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert read_dir(tmp_path) == {"set.yaml": b"x", "flows/a.yaml": b"x"}
    with pytest.raises(OSError, match="not a folder"):
        read_dir(tmp_path / "nowhere")


def test_durations_and_short_forms() -> None:
    library = small_library()
    silence = library.flows["home"].steps["menu"].silence
    assert silence is not None
    assert silence.after == timedelta(minutes=10)
    assert loader.__all__
