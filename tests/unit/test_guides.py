"""The guides for admins: every snippet is done as a reader would do it, in order, and what the guide shows is what comes.

How the guides mark a snippet: `yaml file=F` is the whole file F of the draft, `diff file=F` a change in it, `po file=F` entries
of a translators' file to be filled in (and no longer fuzzy), `sh` commands (with `exit=1` when they are to find something),
`sh typed` one command and what is typed into it, `text` what the commands before it print, where `…` stands for anything. No
other fence is allowed, so that none stays untried.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import __main__ as command_line
from bot import wiring
from bot.cli import flows_publish
from bot.config import load_config
from bot.shipped import content_files
from bot.worlds import _publish_shipped
from flows.session import Frame, Session, Status
from handlers.model import Address

DOCS = Path(__file__).resolve().parents[2] / "docs"
VIETNAMESE, ENGLISH = "huong-dan-bien-tap.md", "editing-guide.md"
DRAFT = "noi-dung"
TALKING = (("services", "more"), ("services", "more"), ("safety", "ask"))
"""Where people stand while the guide publishes."""

FENCE = re.compile(r"^```(?P<kind>\w*)(?P<marks>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block of a guide."""

    kind: str
    marks: tuple[str, ...]
    body: str
    line: int

    @property
    def file(self) -> str:
        return self._mark("file")

    @property
    def exit_code(self) -> int:
        return int(self._mark("exit") or 0)

    def _mark(self, name: str) -> str:
        return next((mark.removeprefix(f"{name}=") for mark in self.marks if mark.startswith(f"{name}=")), "")


def snippets(guide: str) -> list[Snippet]:
    text = (DOCS / guide).read_text(encoding="utf-8")
    return [
        Snippet(found["kind"], tuple(found["marks"].split()), found["body"], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


class Reader:
    """Somebody who follows a guide, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.draft = folder / DRAFT
        self.printed = ""

    def follow(self, snippet: Snippet) -> None:
        match snippet.kind:
            case "yaml":
                (self.draft / snippet.file).write_text(snippet.body, encoding="utf-8")
            case "diff":
                self._change(self.draft / snippet.file, snippet)
            case "po":
                self._translate(self.draft / snippet.file, snippet)
            case "sh":
                self.printed = self._run(snippet)
            case "text":
                assert as_pattern(snippet.body).fullmatch(self.printed), f"line {snippet.line}:\n{self.printed}"
            case _:
                pytest.fail(f"line {snippet.line}: a fence that nobody tries: {snippet.kind!r}")

    def _change(self, file: Path, snippet: Snippet) -> None:
        lines = snippet.body.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"line {snippet.line}: {snippet.file} does not hold this once:\n{old}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def _translate(self, file: Path, snippet: Snippet) -> None:
        """Fill in each entry as a translator does: under its msgctxt and msgid, which must be there."""
        blocks = file.read_text(encoding="utf-8").split("\n\n")
        for entry in snippet.body.strip().split("\n\n"):
            key, _, text = entry.partition("\nmsgstr ")
            (index,) = [index for index, block in enumerate(blocks) if f"{key}\nmsgstr " in block]
            head = blocks[index].partition("\nmsgstr ")[0].splitlines()
            kept = [line for line in head if not line.startswith(("#, fuzzy", "#|"))]
            blocks[index] = "\n".join([*kept, f"msgstr {text}"])
        file.write_text("\n\n".join(blocks).rstrip("\n") + "\n", encoding="utf-8")

    def _run(self, snippet: Snippet) -> str:
        lines = snippet.body.splitlines()
        commands, typed = (lines[:1], lines[1:]) if "typed" in snippet.marks else (lines, [])
        printed = ""
        for command in commands:
            words = shlex.split(command, comments=True)
            assert words[:3] == ["python", "-m", "bot"], f"line {snippet.line}: {command}"
            given = "".join(f"{line}\n" for line in typed)
            result = CliRunner().invoke(command_line.app, words[3:], input=given)
            assert result.exit_code == snippet.exit_code, f"line {snippet.line}: {command}\n{result.output}"
            printed += result.output
        return printed


def as_pattern(shown: str) -> re.Pattern[str]:
    """What a guide shows: a line `…` is any number of lines, a `…` within a line any characters of it."""
    lines = [r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in shown.splitlines()]
    return re.compile("".join(lines))


def first_start() -> None:
    """The service was started once, and people are talking."""

    async def seat() -> None:
        async with wiring.open_content(load_config(None)) as door:
            await door.run(_publish_shipped, content_files())

            def work(uow, items):  # type: ignore[no-untyped-def]
                version = uow.content.current()
                contacts = uow.contacts.open([Address("web", str(number)) for number in range(len(TALKING))])
                for contact, place in zip(contacts, TALKING, strict=True):
                    session = Session(version=version, status=Status.WAITING, frames=(Frame(*place),)).dump()
                    uow.contacts.save(
                        replace(contact, session=session, content_version=version, last_inbound_at=uow.now)
                    )
                return [None for _ in items]

            await door.run(work, None)

    asyncio.run(seat())


@pytest.mark.usefixtures("same_content_once")
@pytest.mark.parametrize("guide", [VIETNAMESE, ENGLISH])
def test_a_reader_gets_what_the_guide_shows(guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_line, "set_up_logs", lambda level: None)  # the logs of the other tests stay theirs
    monkeypatch.setattr(flows_publish, "_somebody_is_here", lambda: True)
    first_start()
    reader = Reader(tmp_path)
    for snippet in snippets(guide):
        reader.follow(snippet)


def test_both_guides_have_the_same_snippets() -> None:
    def written(guide: str) -> list[tuple[str, tuple[str, ...], str]]:
        """All but what is printed, which is in the reader's own language."""
        return [
            (snippet.kind, snippet.marks, "" if snippet.kind == "text" else snippet.body.replace(" --lang en", ""))
            for snippet in snippets(guide)
        ]

    assert written(VIETNAMESE) == written(ENGLISH)
    assert len(written(VIETNAMESE)) > 20


@pytest.mark.parametrize("guide", [VIETNAMESE, ENGLISH])
def test_every_command_is_followed_by_what_it_prints(guide: str) -> None:
    """A guide that shows a command and not its answer would pass whatever came."""
    found = snippets(guide)
    alone = [one.line for one, after in pairwise(found) if one.kind == "sh" and after.kind != "text"]
    assert found[-1].kind != "sh"
    assert alone == []


@pytest.mark.parametrize("guide", [VIETNAMESE, ENGLISH])
def test_every_linked_page_is_there(guide: str) -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", (DOCS / guide).read_text(encoding="utf-8"))
    assert linked
    assert [link for link in linked if not (DOCS / link).exists()] == []


def test_what_is_shown_and_does_not_come_is_noticed() -> None:
    assert as_pattern("a … c\n…\nend\n").fullmatch("a b c\nx\ny\nend\n")
    assert not as_pattern("a … c\n").fullmatch("a b d\n")
    assert not as_pattern("a\n").fullmatch("a\nb\n")
