"""What texts must not say: nothing telling on a locked screen, no number written out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from flows.checks.texts import WrittenText, all_texts, translated
from flows.checks.wording import PREVIEW_CHARS, sensitive_in, written_numbers
from flows.findings import Finding
from flows.graph import Graph
from flows.library import Library
from flows.schema import VariableType

_TELLING = frozenset({VariableType.SERVICES, VariableType.CODE})
"""Variables whose printed value itself tells what the talk is about."""


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about wording, for every text of the set."""
    for text in chain(all_texts(library), (text for _, text in translated(library))):
        yield from _written_numbers(library, text)
        if text.begins:
            yield from _telling_words(library, text)
            yield from _telling_placeholders(library, text)


def _written_numbers(library: Library, text: WrittenText) -> Iterator[Finding]:
    # Placeholders are replaced by a letter, so that digits on both sides do not join to one number.
    plain = "x".join(piece for piece, _ in text.pieces())
    for number in written_numbers(plain):
        yield library.finding_in(
            text.file,
            text.path,
            "written-number",
            f"số “{number}” viết thẳng trong câu; số điện thoại chỉ lấy từ lines.yaml, viết như {{line.police}}",
            f"number '{number}' is written into a text; numbers come from lines.yaml only, as {{line.police}}",
        )


def _telling_words(library: Library, text: WrittenText) -> Iterator[Finding]:
    for shown in _as_shown(library, text):
        word = sensitive_in(shown)
        if word is not None:
            yield library.finding_in(
                text.file,
                text.path,
                "preview-not-neutral",
                f"từ “{word}” nằm trong {PREVIEW_CHARS} chữ cái đầu, màn hình khóa hiện ra; mở đầu bằng lời trung tính",
                f"'{word}' stands in the first {PREVIEW_CHARS} characters, on a locked screen; begin neutrally",
            )
            return


def _as_shown(library: Library, text: WrittenText) -> Iterator[str]:
    """How the beginning of the message may read: placeholders empty, then each choice variable with each of its values.

    Empty is the worst case: it pulls later words into the preview. The numbered choices follow the text as they do on
    platforms without buttons.
    """
    numbered = "".join(f"\n{number}. {label}" for number, label in enumerate(text.labels, start=1))
    yield "".join(piece for piece, _ in text.pieces()) + numbered
    for name in sorted(text.placeholders()):
        variable = library.manifest.variables.get(name)
        for value in variable.shown.values() if variable is not None else ():
            yield "".join(piece + (value if name == given else "") for piece, given in text.pieces()) + numbered


def _telling_placeholders(library: Library, text: WrittenText) -> Iterator[Finding]:
    before = ""
    for piece, name in text.pieces():
        before += piece
        variable = library.manifest.variables.get(name)
        telling = name.startswith("line.") or (variable is not None and variable.type in _TELLING)
        if telling and len(" ".join(before.split())) < PREVIEW_CHARS:
            yield library.finding_in(
                text.file,
                text.path,
                "preview-shows-number",
                f"{{{name}}} nằm trong {PREVIEW_CHARS} chữ cái đầu, màn hình khóa hiện ra; mở đầu bằng câu trung tính",
                f"{{{name}}} stands in the first {PREVIEW_CHARS} characters, on a locked screen; begin neutrally",
            )
            return
