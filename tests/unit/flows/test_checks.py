"""Every check finds what it is for, says it in one exact line, and the shipped set gives it nothing to find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from flows.checks import check
from flows.checks.texts import translatable
from flows.graph import build, reachable
from flows.library import Library
from flows.loader import load, read_dir
from flows.reach import Reach
from tests.unit.flows.sample_set import changed, library_of
from tests.unit.flows.two_tongues import quoted

ROOT = Path(__file__).resolve().parents[3]
BROKEN = Path(__file__).parent / "broken"
SHIPPED = ROOT / "flows" / "content"


def codes_in_source() -> set[str]:
    """Every code that the checks can give, read from their source."""
    sources = [
        *(ROOT / "flows" / "checks").glob("*.py"),
        ROOT / "flows" / "transcripts.py",
        ROOT / "flows" / "rehearsal.py",
    ]
    return {
        code for file in sources for code in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', file.read_text(encoding="utf-8"))
    }


def found_in(files: dict[str, bytes]) -> list[str]:
    return [str(finding) for finding in check(library_of(files), files)]


# --- one broken example a code ------------------------------------------------------------------------------------


def test_the_sample_set_is_clean() -> None:
    assert found_in(changed([])) == []


@pytest.mark.parametrize("example", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_broken_set_is_told_exactly(example: Path) -> None:
    """`english`: every text is translated but those said below `without`, and those below `fuzzy` are marked so. `more: yes`:
    there is one such finding for every text of the set, of which only some are written down.
    """
    written = yaml.safe_load(example.read_text(encoding="utf-8"))
    files = changed(written["changes"])
    if "english" in written:
        files["languages/en.po"] = in_english(files, **written["english"])
    found = found_in(files)
    if written.get("more"):
        assert set(written["findings"]) < set(found)
        assert {line.split(" ")[1] for line in found} == {example.stem}
    else:
        assert found == written["findings"]
    assert any(f": {example.stem} " in line for line in found)
    # What it is, then what to do: somebody who is no programmer must not have to look the code up.
    assert [line for line in written["findings"] if not re.search(r"\S+ .*(phải |[;:] \w)", line)] == []


def in_english(files: dict[str, bytes], without: str = "-", fuzzy: str = "-") -> bytes:
    """A translators' file for a set, filled with neutral words that keep every placeholder."""
    blocks = []
    for number, text in enumerate(dict.fromkeys((t.context, t.text) for t in translatable(library_of(files)))):
        context, source = text
        if context.startswith(without):
            continue
        name = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        said = f"Answer {name}" if ".choices." in context else f"Well, let us go on with part {name}."
        said = "This is a machine. Is it safe to write?" if context == "welcome.hello.say" else said
        placeholders = " ".join(re.findall(r"\{[a-z_.]+\}", source))
        said += f" Please have a look at this in peace: {placeholders}" if placeholders else ""
        mark = "#, fuzzy\n" if context.startswith(fuzzy) else ""
        blocks.append(f"{mark}msgctxt {quoted(context)}\nmsgid {quoted(source)}\nmsgstr {quoted(said)}\n")
    return "\n".join(blocks).encode()


def test_every_code_has_a_broken_example_and_a_line_in_the_guide() -> None:
    examples = {path.stem for path in BROKEN.glob("*.yaml")}
    with_a_host = {"transcript-failed", "turn-shape", "uncovered-step"}  # shown broken in test_transcripts.py
    assert codes_in_source() == examples | with_a_host
    guide = (ROOT / "docs" / "flow-checks.md").read_text(encoding="utf-8")
    assert [code for code in sorted(codes_in_source()) if f"| `{code}` |" not in guide] == []


# --- the proofs, on the shipped set -------------------------------------------------------------------------------


def shipped_files() -> dict[str, bytes]:
    return read_dir(SHIPPED)


@pytest.fixture(scope="module")
def shipped() -> Library:
    return library_of(shipped_files())


def test_the_shipped_set_is_clean(shipped: Library) -> None:
    assert [str(finding) for finding in check(shipped, shipped_files())] == []


def test_card_human_and_exit_are_proved_for_every_waiting_step(shipped: Library) -> None:
    graph = build(shipped)
    waiting = [node for node in graph.all_nodes() if node.waits and node.name in reachable(graph)]
    assert len(waiting) > 20
    for goal in (lambda node: node.card, lambda node: node.hands_over, lambda node: node.ends):
        reach = Reach(graph, goal)
        assert {reach.from_step(node) for node in waiting} <= {0, 1, 2}


def mutated(pattern: str, replacement: str, *, only: str = "flows/") -> list[str]:
    """Codes found in the shipped set after every match of `pattern` in the files below `only` was replaced."""
    files, hits = shipped_files(), 0
    for name, content in files.items():
        if name.startswith(only):
            text, count = re.subn(pattern, replacement, content.decode(), flags=re.MULTILINE)
            files[name], hits = text.encode(), hits + count
    assert hits, f"{pattern!r} stands nowhere: the mutation changes nothing"
    loaded = load(files)
    if loaded.library is None:
        return [finding.code for finding in loaded.findings]
    return [finding.code for finding in check(loaded.library, files)]


def interrupt_file(word: str) -> str:
    return f"flows/{getattr(library_of(shipped_files()).manifest.interrupts, word)}.yaml"


def test_without_a_single_handover_every_waiting_step_is_stranded(shipped: Library) -> None:
    found = mutated(r"^    handover: .*$", "    next: done")
    graph = build(shipped)
    waiting = [
        node for node in graph.all_nodes() if node.waits and not node.hands_over and node.name in reachable(graph)
    ]
    assert found.count("human-too-far") == len(waiting)
    assert "human-without-handover" in found
    assert "concern-without-handover" in found


def test_without_the_mark_of_the_card_help_misleads() -> None:
    found = mutated(r"^    card: emergency\n", "")
    assert {"help-without-card", "danger-without-card", "card-too-far"} <= set(found)


def test_a_card_behind_a_question_is_too_late() -> None:
    found = mutated(r"^start: .*$", "start: first", only=interrupt_file("help"))
    assert found  # the loader refuses: the step is missing
    text = "start: first\nsteps:\n  first:\n    say: Mình nghe bạn.\n    choices:\n      yes: {label: Vâng, goto: card}"
    found = mutated(r"^start: card\nsteps:", text, only=interrupt_file("help"))
    assert {"help-without-card", "danger-without-card"} <= set(found)
    assert "card-too-far" not in found  # one word and one answer: two messages


def test_without_hush_or_end_stop_misleads() -> None:
    leave = interrupt_file("stop")
    assert "stop-without-hush" in mutated(r"do: hush", "do: on_duty\n    save: staffed", only=leave)
    assert "stop-without-end" in mutated(r"^    end: .*$", "    return: true", only=leave)


def test_without_erase_delete_misleads() -> None:
    assert "delete-without-erase" in mutated(r"do: erase", "do: hush", only=interrupt_file("delete"))


def test_without_an_end_there_is_no_exit() -> None:
    assert "exit-too-far" in mutated(r"^    end: .*$", "    return: true")


def test_a_number_written_by_hand_is_found_in_every_kind_of_text() -> None:
    assert "written-number" in mutated(r"\{line\.police\}", "113")
    assert "written-number" in mutated(r"\{line\.peace_house\}", "1900 969 680")
    assert "written-number" in mutated(r"\{line\.police\}", "1 1 3", only="set.yaml")
    assert "written-number" in mutated(r"label: Có,", "label: Gọi 113,")


def test_a_telling_beginning_is_found() -> None:
    assert "preview-not-neutral" in mutated(r"Bình An đây\.", "Bị bạo lực thì")
    assert "preview-shows-number" in mutated(r"^      Bình An đây\. Bạn xem .*\n", "", only=interrupt_file("help"))


def test_a_dropped_else_never_gets_past_the_loader() -> None:
    assert "missing-else" in mutated(r"^      - \{else: .*\n", "")


def test_the_first_answer_must_name_the_machine_and_ask_for_safety() -> None:
    assert "first-contact-not-machine" in mutated(r"[Mm]áy", "Mình", only="flows/welcome.yaml")
    assert "first-contact-not-safe" in mutated(r"an toàn", "tiện")


def test_an_emergency_choice_must_bring_the_card() -> None:
    found = mutated(r"goto: card, severity: emergency", "goto: done, severity: emergency", only="flows/safety.yaml")
    assert "emergency-without-card" in found
