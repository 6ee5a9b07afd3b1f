"""Flows as pictures: what a drawing shows of each step, and the drawing as Mermaid text. (`drawing_svg`: as an image.)

A drawing is a view of what was written; findings and steps that no transcript passes can be marked on it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.findings import Finding
from flows.library import Library
from flows.schema import Flow, Step, StepKind
from flows.severity import Severity
from flows.source import Path
from flows.transcripts import Coverage

MAX_SAID = 90  # characters of a step's text that are shown
MAX_LABEL = 40  # characters on an arrow
WHOLE = "whole-set"  # stands for a flow in places of the overview; no flow can have this name

KINDS: dict[StepKind, tuple[str, str]] = {
    StepKind.CHOICES: ("lựa chọn", "choices"),
    StepKind.ASK: ("câu hỏi", "question"),
    StepKind.DO: ("việc nhờ máy", "errand"),
    StepKind.CALL: ("gọi luồng", "call"),
    StepKind.HANDOVER: ("gặp người", "handover"),
    StepKind.REMIND: ("nhắc sau", "reminder"),
    StepKind.REFER: ("giới thiệu", "referral"),
    StepKind.END: ("kết thúc", "end"),
    StepKind.RETURN: ("quay về", "return"),
    StepKind.PASS: ("nói", "says"),
}
"""How a kind of step reads, in Vietnamese and English; a kind that is missing here is shown as it is written."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a step: its words, where it leads ("" for nowhere of its own), and what marks it."""

    label: str
    to: str
    severity: str = ""
    uncovered: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One step as a drawing shows it."""

    place: str  # "flow.step"
    step: str
    kind: str  # the value of StepKind
    kind_shown: str
    said: str  # the first words of its text
    does: str = ""  # what it does besides: a flow that is called, an errand, an outcome
    calls: str = ""  # a flow that is called
    ways: tuple[Way, ...] = ()
    starts: bool = False
    severity: str = ""
    findings: tuple[str, ...] = ()  # codes
    uncovered: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What is to be marked: codes of findings by step ("flow.step"), and what no transcript passes."""

    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missed: frozenset[str] = frozenset()  # "flow.step" and "flow.step:choice"


def marks_of(library: Library, findings: Iterable[Finding], covered: Coverage | None = None) -> Marks:
    """The marks of a checked set. A finding belongs to the step in whose lines it stands."""
    codes: dict[str, list[str]] = {}
    starts = {file: _step_lines(library, flow) for flow, file in library.files.items()}
    for finding in findings:
        lines = starts.get(finding.file, [])
        index = bisect_right([line for line, _ in lines], finding.line) - 1
        # What is not covered is marked as such already.
        if index >= 0 and finding.code != "uncovered-step" and finding.code not in codes.get(lines[index][1], []):
            codes.setdefault(lines[index][1], []).append(finding.code)
    missed = frozenset([*covered.missed_steps, *covered.missed_choices]) if covered is not None else frozenset()
    return Marks({place: tuple(found) for place, found in codes.items()}, missed)


def _step_lines(library: Library, flow: str) -> list[tuple[int, str]]:
    return sorted((library.where(flow, "steps", step)[1], f"{flow}.{step}") for step in library.flows[flow].steps)


def cards(library: Library, flow: str, marks: Marks, language: str = "vi") -> list[Card]:
    """The steps of one flow, the first one first, the others as they stand in the file."""
    written = library.flows[flow]
    first = [written.start] if written.start in written.steps else []
    names = [*first, *(name for name in written.steps if name not in first)]
    return [_card(library, written, name, marks, language) for name in names]


def overview(library: Library, flows: Sequence[str], language: str = "vi") -> list[Card]:
    """The flows themselves as cards, with what calls what. Calls of flows that global words lead to are left out: those
    can be reached from everywhere.
    """
    english = language == "en"
    led_to: dict[str, list[str]] = {}
    for word, flow in library.manifest.interrupts.model_dump().items():
        led_to.setdefault(flow, []).append(word)
    drawn = []
    for name in flows:
        called = dict.fromkeys(step.call for step in library.flows[name].steps.values() if step.call)
        starts = name == library.manifest.entry
        shown = "start" if english and starts else "bắt đầu" if starts else ", ".join(led_to.get(name, []))
        drawn.append(
            Card(
                place=f"{WHOLE}.{name}",
                step=name,
                kind="choices" if starts else "handover" if name in led_to else "call",
                kind_shown=shown or ("see" if english else "xem"),
                said=library.flows[name].title,
                calls=name,
                ways=tuple(Way(flow, flow) for flow in called if flow in flows and flow not in led_to),
                starts=starts,
            )
        )
    return sorted(drawn, key=lambda card: not card.starts)


def _card(library: Library, flow: Flow, name: str, marks: Marks, language: str) -> Card:
    step, place = flow.steps[name], f"{flow.flow}.{name}"
    kind, english = step.kind, language == "en"
    shown = KINDS.get(kind, (kind.value, kind.value))[english]
    if step.consent is not None:
        shown = "consent" if english else "xin đồng ý"
    does = step.call or (step.do.value if step.do is not None else "") or step.end or step.consent or ""
    return Card(
        place=place,
        step=name,
        kind=kind.value,
        kind_shown=shown,
        said=_first_words(step),
        does=does,
        calls=step.call or "",
        ways=tuple(_ways(library, place, step, marks, english)),
        starts=name == flow.start,
        severity=step.severity.value if step.severity is not None else "",
        findings=marks.findings.get(place, ()),
        uncovered=place in marks.missed,
    )


def _first_words(step: Step) -> str:
    return shortened(" ".join(" ".join(step.say or ()).split()), MAX_SAID)


def shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words where that is possible."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    kept = cut.rsplit(" ", 1)[0] if " " in cut[most // 2 :] else cut
    return kept.rstrip(" ,.;:") + "…"


# --- ways ---------------------------------------------------------------------------------------------------------------


def _ways(library: Library, place: str, step: Step, marks: Marks, english: bool) -> Iterable[Way]:
    leading = {path: target for target, path in step.targets()}
    for choice_id, choice in (step.choices or {}).items():
        yield Way(
            shortened(choice.label, MAX_LABEL),
            leading.pop(("choices", choice_id, "goto"), ""),
            choice.severity.value if isinstance(choice.severity, Severity) else "",
            f"{place}:{choice_id}" in marks.missed,
        )
    for path, target in leading.items():
        yield Way(shortened(_label(library, place, step, path, english), MAX_LABEL), target)


def _label(library: Library, place: str, step: Step, path: Path, english: bool) -> str:
    """The words on a way that is no choice."""
    flow, _, name = place.partition(".")
    match path:
        case ("next",):
            return ("rồi" if not english else "then") if step.choices or step.ask else ""
        case ("next", int(index), "goto"):
            branches = step.next if isinstance(step.next, list) else []
            return in_words(branches[index].when, english)
        case ("next", int(), "else"):
            return "else" if english else "còn lại"
        case ("ask", "skip"):
            return "skip" if english else "bỏ qua"
        case ("handover", "on_release"):
            return "after the talk" if english else "nói chuyện xong"
        case ("after_card",):
            return "after the card" if english else "sau thẻ khẩn cấp"
        case ("unclear", "goto"):
            return "not understood" if english else "không hiểu"
        case ("silence" | "within", "goto"):
            tree = library.sources[library.files[flow]].tree
            after = _written_at(tree, ("steps", name, str(path[0]), "after"))
            said, said_en = ("im lặng", "silent") if path[0] == "silence" else ("quá", "after")
            return f"{said_en if english else said} {after}"
    return str(path[-1])


def _written_at(tree: Any, path: Path) -> str:
    """What stands at a path of a file, as written; "" when nothing does."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return str(tree) if isinstance(tree, str) else ""


def in_words(when: Any, english: bool = False) -> str:
    """A condition, short: `about = me`, `danger ≥ 4`, `not services empty`."""
    if not isinstance(when, dict):
        return ", ".join(map(str, when)) if isinstance(when, list) else str(when)
    parts = []
    for key, value in when.items():
        if key in ("any", "all") and isinstance(value, list):
            joined = {"any": (" hoặc ", " or "), "all": (" và ", " and ")}[key][english]
            parts.append(joined.join(in_words(part, english) for part in value))
        elif key == "not":
            parts.append(f"{'not' if english else 'không'} ({in_words(value, english)})")
        elif isinstance(value, dict):
            signs = {"at_least": "≥", "at_most": "≤"}
            parts += [f"{key} {signs.get(str(name), name)} {in_words(bound)}" for name, bound in value.items()]
        elif value in ("empty", "set"):
            parts.append(f"{key} {value if english else {'empty': 'trống', 'set': 'đã có'}[value]}")
        else:
            parts.append(f"{key} = {in_words(value, english)}")
    return ("; ").join(parts)


# --- Mermaid ------------------------------------------------------------------------------------------------------------

_MERMAID_SHAPES = {"choices": ("(", ")"), "ask": ("(", ")"), "handover": ("([", "])"), "end": ("((", "))")}
_MERMAID_STYLE = """\
  classDef choices fill:#eef4ff,stroke:#5b84c4
  classDef ask fill:#eef4ff,stroke:#5b84c4
  classDef do fill:#f4effc,stroke:#8a6cc0
  classDef call fill:#e9f7f5,stroke:#3f9489
  classDef handover fill:#eaf6e9,stroke:#4c9447
  classDef finding stroke:#c62828,stroke-width:3px
  classDef uncovered stroke-dasharray:5 4"""


def mermaid(library: Library, flows: Sequence[str], marks: Marks, language: str = "vi") -> str:
    """A Mermaid flowchart of these flows, for a page or a review; calls are dotted when the called flow is drawn, too."""
    lines = ["flowchart LR"]
    ways: list[str] = []
    for flow in flows:
        lines.append(f'  subgraph {flow}["{_mermaid_text(library.flows[flow].title)}"]')
        for card in cards(library, flow, marks, language):
            lines.append(f"    {_mermaid_box(card)}")
            ways += _mermaid_ways(flow, card, library, flows)
        lines.append("  end")
    return "\n".join([*lines, *ways, _MERMAID_STYLE]) + "\n"


def _mermaid_box(card: Card) -> str:
    opening, closing = _MERMAID_SHAPES.get(card.kind, ("[", "]"))
    heading = f"<b>{card.step}</b>" + (f" · {_mermaid_text(card.does)}" if card.does else "")
    parts = [heading, *([_mermaid_text(card.said)] if card.said else []), *(f"⚠ {code}" for code in card.findings)]
    classes = [card.kind] if card.kind in _MERMAID_STYLE else []
    classes += ["finding"] if card.findings else ["uncovered"] if card.uncovered else []
    # Mermaid takes one class behind a node; a mark outweighs the kind.
    tail = f":::{classes[-1]}" if classes else ""
    return f'{_mermaid_id(card.place)}{opening}"{"<br/>".join(parts)}"{closing}{tail}'


def _mermaid_ways(flow: str, card: Card, library: Library, flows: Sequence[str]) -> Iterable[str]:
    here = _mermaid_id(card.place)
    for way in card.ways:
        if way.to:
            label = f'|"{_mermaid_text(way.label)}"|' if way.label else ""
            yield f"  {here} -->{label} {_mermaid_id(f'{flow}.{way.to}')}"
    if card.calls in flows:
        yield f"  {here} -.-> {_mermaid_id(f'{card.calls}.{library.flows[card.calls].start}')}"


def _mermaid_id(place: str) -> str:
    # "end" alone would be read as the end of a subgraph; two underscores keep flow and step apart.
    return "s_" + place.replace(".", "__")


def _mermaid_text(text: str) -> str:
    for sign, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("|", "#124;")):
        text = text.replace(sign, code)
    return text
