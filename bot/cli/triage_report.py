"""`triage --report`: how well a danger lexicon reads labelled examples, and what an edit of it changed, before anything is
published. For editors, so Vietnamese unless asked otherwise.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from bot import shipped
from bot.cli.csv_files import fail
from bot.cli.flows_reading import Language
from flows.severity import Severity
from handlers.rules import recall
from handlers.rules.reading.items import LexiconError
from handlers.rules.reading.variants import VARIANTS
from handlers.rules.recall import Example, Figures, Measured, Reading
from handlers.rules.screening import Screening

_COLUMNS = {
    Language.VI: ("", "khẩn cấp nhận ra", "bị coi nhẹ", "gấp bị bỏ sót", "vô hại bị báo nhầm", "dò hỏi nhận ra"),
    Language.EN: ("", "emergencies found", "lost", "urgent lost", "false alarms", "probes found"),
}
_TITLES = {
    Language.VI: ("Theo cách gõ", "Theo quy tắc (mọi cách gõ)", "Theo người viết (mọi cách gõ)"),
    Language.EN: ("By spelling", "By rule (all spellings)", "By speaker (all spellings)"),
}
_MISS, _ALARM = {Language.VI: "bỏ sót", Language.EN: "missed"}, {Language.VI: "báo nhầm", Language.EN: "false alarm"}
_SHARES = (("found", "emergencies"), ("lost", "emergencies"), ("urgent_lost", "urgent"), ("false_alarms", "calm"),
           ("probes_found", "probes"))  # fmt: skip


def report(content: Path | None, examples: Path | None, *, listed: bool, accept: bool, lang: Language) -> None:
    """Print the figures of a content set; `accept` records them in it, so that `flows check` judges by them from now on."""
    if accept and examples is not None:
        fail(2, "triage: --accept records the figures of the set's own examples; leave --examples out")
    files = _files(content)
    typed = _typed(files, examples)
    measured = recall.measure_typed(_screen(files), typed)
    before = _before(content, typed, files)
    _print(measured, before, lang)
    if listed:
        _print_list(measured, before, lang)
    if accept:
        target = (content or shipped.CONTENT) / recall.RECORD
        try:
            target.write_bytes(recall.write_record(measured))
        except OSError as error:
            fail(2, f"triage: cannot write {target}: {error.strerror}; give a --content folder that may be written")
        typer.echo(f"{'đã ghi' if lang is Language.VI else 'recorded'}: {target}")


def _files(content: Path | None) -> dict[str, bytes]:
    try:
        return shipped.content_files(content)
    except OSError as error:
        fail(2, f"triage: cannot read the content: {error}; give the folder that holds set.yaml")


def _screen(files: dict[str, bytes]) -> Callable[[str], tuple[Severity, str]]:
    try:
        screening = Screening.load(files)
    except LexiconError as error:
        fail(2, f"triage: the lexicon cannot be used: {error.findings[0]}; run flows check")

    def screen(text: str) -> tuple[Severity, str]:
        verdict = screening.read(text)
        return verdict.severity, verdict.category

    return screen


def _typed(files: dict[str, bytes], examples: Path | None) -> list[tuple[Example, str, str]]:
    """The examples in their spellings: those of the set, or a file's; a column `variant` says that they come spelled."""
    name = str(examples)
    try:
        if examples is None:
            return recall.typed_examples(files)
        content = examples.read_bytes()
        found = recall.read_examples(name, content)
    except KeyError:
        fail(2, f"triage: the content has no {recall.EXAMPLES}; give a file of labelled examples with --examples")
    except OSError as error:
        fail(2, f"triage: cannot read {name}: {error.strerror}; give a CSV file in UTF-8")
    except LexiconError as error:
        fail(2, f"triage: {error.findings[0].in_language('en')}")
    variants = [row.get("variant") for row in csv.DictReader(content.decode("utf-8-sig").splitlines())]
    if all(variants):
        return [(one, str(variant), one.text) for one, variant in zip(found, variants, strict=True)]
    return [(one, name, write(one.text, 0)) for one in found for name, write in VARIANTS.items()]


def _before(content: Path | None, typed: list[tuple[Example, str, str]], files: dict[str, bytes]) -> Measured | None:
    """What the shipped lexicon makes of the same examples, when another one is looked at."""
    if content is None:
        return None
    ours = shipped.content_files()
    if {name: ours[name] for name in ours if name.startswith("lexicon/")} == {
        name: files[name] for name in files if name.startswith("lexicon/")
    }:
        return None
    return recall.measure_typed(_screen(ours), typed)


def _print(measured: Measured, before: Measured | None, lang: Language) -> None:
    tables = (measured.by_spelling, measured.by_rule, measured.by_speaker)
    olds = (before.by_spelling, before.by_rule, before.by_speaker) if before else ({}, {}, {})
    for title, table, old in zip(_TITLES[lang], tables, olds, strict=True):
        typer.echo(title)
        rows = [(key, *_cells(table[key], old.get(key))) for key in sorted(table, key=_order)]
        rows = [_COLUMNS[lang], *(row for row in rows if any(cell != "-" for cell in row[1:]))]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            typer.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        typer.echo("")


def _order(key: str) -> tuple[int, int, str]:
    """Rules by level and number; other names by the alphabet."""
    if key[:1] in "EUSIN" and key[1:].isdigit():
        return "EUSIN".index(key[0]), int(key[1:]), key
    return 9, 0, key


def _cells(now: Figures, before: Figures | None) -> Iterable[str]:
    for part, whole in _SHARES:
        count, of = getattr(now, part), getattr(now, whole)
        if not of:
            yield "-"
            continue
        change = count - getattr(before, part) if before is not None else 0
        yield f"{count}/{of} {count / of:.1%}" + (f" ({change:+d})" if change else "")


def _print_list(measured: Measured, before: Measured | None, lang: Language) -> None:
    """The misses and false alarms, each with its text; against another lexicon only what changed, new (+) and mended (-)."""
    olds: Iterable[Reading | None] = before.readings if before else [None] * len(measured.readings)
    for now, old in zip(measured.readings, olds, strict=True):
        for is_wrong, words in ((_is_miss, _MISS), (_is_alarm, _ALARM)):
            wrong, was = is_wrong(now), old is not None and is_wrong(old)
            if wrong != was:
                mark = "+" if wrong else "-"
                line = f"{mark} {words[lang]} {now.example.rule} ({now.spelling}) → {now.severity}: {now.example.text}"
                typer.echo(line)


def _is_miss(reading: Reading) -> bool:
    return reading.is_miss


def _is_alarm(reading: Reading) -> bool:
    return reading.is_false_alarm
