"""docs/reliability.md names what there is: every test, module and benchmark in it exists, and nothing it must hold is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chaos import mistakes
from tests.property import test_escalation_machine, test_inbound

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
GUIDE = (ROOT / "docs/reliability.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
PROMISES = range(1, 26)
REQUIREMENTS = {*range(1, 22), *range(23, 49), *range(51, 57), 58, 60}
FIRST_CELL = re.compile(r"^\| (\d+) \|", re.MULTILINE)
NAMED = re.compile(r"`([a-z0-9_/]+\.py)(?:::(test_\w+))?`")
PLACES = re.compile(r"`((?:bot|storage|handlers|flows|deploy)/[\w/.]*)`")


def part(title: str) -> str:
    """What stands under this heading."""
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def numbers(text: str) -> list[int]:
    return [int(number) for number in FIRST_CELL.findall(text)]


def test_every_promise_has_its_row_with_a_figure_and_a_command() -> None:
    table = README.partition("\n## What holds\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if FIRST_CELL.match(line)]
    assert [int(row[1]) for row in rows] == list(PROMISES)
    for _, number, promise, figure, target, again, _ in rows:
        assert promise.strip(), number
        assert target.strip(), number
        assert figure.strip(), number
        assert "`make " in again or again.strip() == "the same", number


def test_every_requirement_has_its_row_once() -> None:
    assert numbers(part("Requirements")) == sorted(REQUIREMENTS)
    for line in part("Requirements").splitlines():
        if FIRST_CELL.match(line):
            assert NAMED.search(line.split("|")[4]), f"shown by no test: {line}"


@pytest.mark.parametrize("text", [GUIDE, README], ids=["guide", "readme"])
def test_every_test_that_is_named_is_there(text: str) -> None:
    named = set(NAMED.findall(text))
    assert named
    for path, name in named:
        file = next((at / path for at in (ROOT, TESTS, TESTS / "unit") if (at / path).is_file()), None)
        if file is None:
            file = next(iter(TESTS.rglob(path)), None)  # the second file of a folder is named alone
        assert file is not None, f"{path} is not there"
        assert not name or re.search(rf"def {name}\b", file.read_text("utf-8")), f"{path} has no {name}"


def test_every_place_in_the_program_is_there() -> None:
    for place in PLACES.findall(GUIDE):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("text", [GUIDE, README], ids=["guide", "readme"])
def test_every_benchmark_that_is_named_is_there(text: str) -> None:
    for name in re.findall(r"make bench NAME=(\w+)", text):
        assert (TESTS / f"benchmarks/bench_{name}.py").is_file(), name


def test_every_mistake_that_can_be_made_on_purpose_is_listed() -> None:
    controls = part("Negative controls")
    assert {name for name in mistakes.NAMES if f"`{name}`" not in controls} == set()
    words = {14: "fourteen bugs of the ladder", 8: "eight bugs of arriving"}
    assert words[len(test_escalation_machine.BUGS)] in controls
    assert words[len(test_inbound.BUGS)] in controls
