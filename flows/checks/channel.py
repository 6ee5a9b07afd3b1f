"""What platforms can show: length of texts, number and length of choices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from flows.checks.texts import WrittenText, all_texts, translated
from flows.checks.wording import PREVIEW_CHARS
from flows.findings import Finding
from flows.graph import Graph
from flows.library import Library
from flows.phrases import PHRASES
from flows.platforms import CHOICES_PER_MESSAGE, PLATFORMS
from flows.text import fold

# What a frightened person on a small phone can read; never more than the narrowest platform shows in one piece.
MAX_LABEL_CHARS = min(40, *(one.max_button_label for one in PLATFORMS.values()))  # more is cut on small phones
MAX_CHOICES = min(8, CHOICES_PER_MESSAGE)  # more than 8 nobody reads
_ROOM = (MAX_CHOICES + 1) * (MAX_LABEL_CHARS + len("10. \n")) + 100
"""For the choices printed under a text where there are no buttons, and for a lead before it."""
MAX_SAY_CHARS = min(1000, *(one.max_text - _ROOM for one in PLATFORMS.values()))


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about lengths and choices, for every text and step of the set, in every language."""
    for text in chain(all_texts(library), (text for _, text in translated(library))):
        yield from _long_text(library, text)
        yield from _short_lead(library, text)
    for flow_name, flow in library.flows.items():
        for step_name, step in flow.steps.items():
            if step.choices:
                yield from _too_many(library, flow_name, step_name, len(step.choices) + (1 if step.many else 0))
    for labels in _label_lists(library):
        yield from _labels(library, labels)


def _long_text(library: Library, text: WrittenText) -> Iterator[Finding]:
    if text.begins and len(text.text) > MAX_SAY_CHARS:
        yield library.finding_in(
            text.file,
            text.path,
            "text-too-long",
            f"câu dài {len(text.text)} chữ cái, nhiều nhất {MAX_SAY_CHARS}; chia thành nhiều câu hoặc bớt chữ",
            f"the text has {len(text.text)} characters, at most {MAX_SAY_CHARS}; split or shorten it",
        )


def _short_lead(library: Library, text: WrittenText) -> Iterator[Finding]:
    place, _, key = text.context.partition(".")
    leads = place == "phrases" and key in PHRASES and PHRASES[key].leads
    if leads and len(text.text) <= PREVIEW_CHARS:
        yield library.finding_in(
            text.file,
            text.path,
            "lead-too-short",
            f"câu dẫn dài {len(text.text)} chữ cái; màn hình khóa hiện {PREVIEW_CHARS} chữ cái đầu, câu dẫn phải dài hơn",
            f"the lead has {len(text.text)} characters; a locked screen shows {PREVIEW_CHARS}, a lead must be longer",
        )


def _too_many(library: Library, flow: str, step: str, count: int) -> Iterator[Finding]:
    if count > MAX_CHOICES:
        yield library.finding(
            flow,
            ("steps", step, "choices"),
            "too-many-choices",
            f"bước “{step}” có {count} lựa chọn, nhiều nhất {MAX_CHOICES}; chia thành hai bước",
            f"step '{step}' has {count} choices, at most {MAX_CHOICES}; split it into two steps",
        )


def _label_lists(library: Library) -> Iterator[list[WrittenText]]:
    """The labels that stand below one question, in one language."""
    asked: dict[tuple[str, str], list[WrittenText]] = {}
    for text in all_texts(library):
        if text.path[-1:] == ("label",):
            asked.setdefault(("", text.place), []).append(text)
    for language, text in translated(library):
        if ".choices." in text.context and not text.begins:
            asked.setdefault((language, text.place), []).append(text)
    yield from asked.values()


def _labels(library: Library, labels: list[WrittenText]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for label in labels:
        choice_id = label.context.rpartition(".")[2]
        if len(label.text) > MAX_LABEL_CHARS:
            yield library.finding_in(
                label.file,
                label.path,
                "label-too-long",
                f"nhãn của “{choice_id}” dài {len(label.text)} chữ cái, nhiều nhất {MAX_LABEL_CHARS}; viết ngắn lại",
                f"the label of '{choice_id}' has {len(label.text)} characters, at most {MAX_LABEL_CHARS}; shorten it",
            )
        typed = fold(label.text)
        if typed in seen:
            yield library.finding_in(
                label.file,
                label.path,
                "labels-alike",
                f"nhãn của “{choice_id}” và “{seen[typed]}” gõ không dấu thì giống nhau; đổi một nhãn",
                f"the labels of '{choice_id}' and '{seen[typed]}' are the same without accents; change one",
            )
        seen.setdefault(typed, choice_id)
        if typed.isdigit():
            yield library.finding_in(
                label.file,
                label.path,
                "label-is-number",
                f"nhãn của “{choice_id}” chỉ là một con số, dễ lẫn với số thứ tự của lựa chọn; thêm chữ",
                f"the label of '{choice_id}' is a bare number, like the number of a choice; add a word",
            )
