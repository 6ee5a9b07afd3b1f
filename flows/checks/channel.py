"""What platforms can show: length of texts, number and length of choices."""

from __future__ import annotations

from collections.abc import Iterator

from flows.checks.texts import all_texts
from flows.findings import Finding
from flows.graph import Graph
from flows.library import Library
from flows.platforms import CHOICES_PER_MESSAGE, PLATFORMS
from flows.text import fold

# What a frightened person on a small phone can read; never more than the narrowest platform shows in one piece.
MAX_LABEL_CHARS = min(40, *(one.max_button_label for one in PLATFORMS.values()))  # more is cut on small phones
MAX_CHOICES = min(8, CHOICES_PER_MESSAGE)  # more than 8 nobody reads
_ROOM = (MAX_CHOICES + 1) * (MAX_LABEL_CHARS + len("10. \n")) + 100
"""For the choices printed under a text where there are no buttons, and for a lead before it."""
MAX_SAY_CHARS = min(1000, *(one.max_text - _ROOM for one in PLATFORMS.values()))


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about lengths and choices, for every text and step of the set."""
    yield from _long_texts(library)
    for flow_name, flow in library.flows.items():
        for step_name, step in flow.steps.items():
            labels = {choice_id: choice.label for choice_id, choice in (step.choices or {}).items()}
            yield from _choices(library, flow_name, step_name, labels, extra=1 if step.many else 0)


def _long_texts(library: Library) -> Iterator[Finding]:
    for text in all_texts(library):
        if text.begins and len(text.text) > MAX_SAY_CHARS:
            yield library.finding_in(
                text.file,
                text.path,
                "text-too-long",
                f"câu dài {len(text.text)} chữ cái, nhiều nhất {MAX_SAY_CHARS}; chia thành nhiều câu hoặc bớt chữ",
                f"the text has {len(text.text)} characters, at most {MAX_SAY_CHARS}; split or shorten it",
            )


def _choices(library: Library, flow: str, step: str, labels: dict[str, str], extra: int) -> Iterator[Finding]:
    """`extra`: buttons that the engine adds."""
    path: tuple[str | int, ...] = ("steps", step, "choices")
    if len(labels) + extra > MAX_CHOICES:
        yield library.finding(
            flow,
            path,
            "too-many-choices",
            f"bước “{step}” có {len(labels) + extra} lựa chọn, nhiều nhất {MAX_CHOICES}; chia thành hai bước",
            f"step '{step}' has {len(labels) + extra} choices, at most {MAX_CHOICES}; split it into two steps",
        )
    seen: dict[str, str] = {}
    for choice_id, label in labels.items():
        if len(label) > MAX_LABEL_CHARS:
            yield library.finding(
                flow,
                (*path, choice_id, "label"),
                "label-too-long",
                f"nhãn của “{choice_id}” dài {len(label)} chữ cái, nhiều nhất {MAX_LABEL_CHARS}",
                f"the label of '{choice_id}' has {len(label)} characters, at most {MAX_LABEL_CHARS}",
            )
        typed = fold(label)
        if typed in seen:
            yield library.finding(
                flow,
                (*path, choice_id, "label"),
                "labels-alike",
                f"nhãn của “{choice_id}” và “{seen[typed]}” gõ không dấu thì giống nhau; đổi một nhãn",
                f"the labels of '{choice_id}' and '{seen[typed]}' are the same without accents; change one",
            )
        seen.setdefault(typed, choice_id)
        if typed.isdigit():
            yield library.finding(
                flow,
                (*path, choice_id, "label"),
                "label-is-number",
                f"nhãn của “{choice_id}” chỉ là một con số, dễ lẫn với số thứ tự của lựa chọn; thêm chữ",
                f"the label of '{choice_id}' is a bare number, like the number of a choice; add a word",
            )
