"""Variables: is each one filled and used, and does every text that prints one come after it was filled?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flows.checks.settling import Place, callers_of, return_steps, settle
from flows.checks.texts import SET_FILE, all_texts, step_texts
from flows.conditions import All, Condition, InRange, IsSet, Negated, OneOf, Some
from flows.findings import Finding
from flows.graph import Graph
from flows.library import Library
from flows.program import Way
from flows.schema import Step

_Names = frozenset[str]


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about variables without a purpose, and about texts that may print nothing."""
    uses = _uses(library)
    yield from _purposes(library, uses)
    filled = Filled(library, graph)
    for node in graph.all_nodes():
        printed = {name for text in step_texts(library, node.flow, node.step) for name in text.placeholders()}
        remind = library.flows[node.flow].steps[node.step].remind
        printed |= {remind.at} if remind is not None else set()  # without an hour nobody is reminded
        refer = library.flows[node.flow].steps[node.step].refer
        printed |= {refer.need} if refer is not None and refer.need and not refer.needs else set()
        # A variable that nothing saves has been told already.
        for name in sorted(printed & uses.saved - filled.before_text(node.flow, node.step)):
            yield library.finding(
                node.flow,
                ("steps", node.step),
                "maybe-empty",
                f"bước “{node.step}” in biến “{name}”, nhưng có đường tới đó mà biến còn trống; rẽ nhánh trước đó",
                f"step '{node.step}' prints '{name}', which is empty on some way there; branch before it",
            )


class Filled:
    """Which variables surely hold something when a step speaks, on whichever way it was reached.

    What the host answers may be empty (no service fits, no code could be made), so `do` fills nothing for sure: a branch
    on `empty` or `set` does. Everything starts as filled and is taken back until nothing changes.
    """

    def __init__(self, library: Library, graph: Graph) -> None:
        self._library = library
        self._graph = graph
        every = frozenset(library.manifest.variables)
        self._at: dict[tuple[str, str], _Names] = {(node.flow, node.step): every for node in graph.all_nodes()}
        # Interrupts begin wherever she stands: nothing is sure there.
        for flow in graph.breaks_in:
            if graph.start(flow) is not None:
                self._at[flow, graph.starts[flow]] = frozenset()
        self._returns = return_steps(library)
        settle(self._at, self._leads_to, callers_of(library))

    def before_text(self, flow: str, step: str) -> _Names:
        """The variables that surely hold something when this step's text is said."""
        here, sets = self._at[flow, step], self._library.flows[flow].steps[step].sets
        return here | {name for name, value in sets.items() if value} if sets else here

    def _leads_to(self, place: Place) -> Iterator[tuple[Place, _Names]]:
        """Every step that may come next, with what is surely filled on the way there."""
        flow, name = place
        step = self._library.flows[flow].steps[name]
        filled = self.before_text(flow, name)
        task = self._library.program.tasks[flow, name]
        if step.choices is not None and task.options is not None:
            saved = {step.save} if step.save and not step.many else set()
            for option in task.options.options:
                yield from _ways(
                    flow, option.goto, filled | saved | {name for name, value in option.sets if value != ""}
                )
        elif step.ask is not None:
            if step.ask.skip is not None:
                yield (flow, step.ask.skip), filled
            yield from _ways(flow, task.way, filled | ({step.save} if step.save else set()))
        elif step.call is not None and self._graph.start(step.call) is not None:
            yield (step.call, self._graph.starts[step.call]), filled
            yield from _ways(flow, task.way, filled | self._after(step.call))
            if step.within is not None:
                yield (flow, step.within.goto), filled
        elif step.handover is not None:
            yield (flow, step.handover.on_release), filled
        else:
            yield from _ways(flow, task.way, filled)
        if step.unclear is not None:
            yield (flow, step.unclear.goto), filled
        if step.after_card is not None:
            yield (flow, step.after_card), filled
        if step.silence is not None:
            yield (flow, step.silence.goto), filled

    def _after(self, flow: str) -> _Names:
        """What is filled when a called flow returns; everything when it never does."""
        returns = [self.before_text(*place) for place in self._returns[flow]]
        return frozenset(self._library.manifest.variables).intersection(*returns)


def _ways(flow: str, way: Way | None, filled: _Names) -> Iterator[tuple[tuple[str, str], _Names]]:
    """The branches of a `next`: each tells something about the variables it asks for."""
    if way is None:
        return
    for condition, target in way.branches:
        yield (flow, target), filled | _told(condition, True)
        filled |= _told(condition, False)
    yield (flow, way.otherwise), filled


def _told(condition: Condition, holds: bool) -> _Names:
    """The variables that surely hold something when the condition does (or does not) hold."""
    if isinstance(condition, Negated):
        return _told(condition.part, not holds)
    if isinstance(condition, (All, Some)):
        parts = [_told(part, holds) for part in condition.parts]
        every = isinstance(condition, All) is holds  # all parts hold, or none of them does
        return frozenset().union(*parts) if every else parts[0].intersection(*parts[1:])
    if isinstance(condition, IsSet):
        sure = condition.wanted is holds
    elif isinstance(condition, InRange):
        sure = holds and (condition.low or 0) > 0  # an empty list of services is in the range "at most 2"
    else:
        assert isinstance(condition, OneOf)
        sure = holds
    return frozenset({condition.variable}) if sure else frozenset()


@dataclass(slots=True)
class _Uses:
    """Where each variable is filled and where it is read: variable -> the first such step, or the manifest."""

    saved: set[str] = field(default_factory=set)
    read: dict[str, tuple[str, str]] = field(default_factory=dict)


def _uses(library: Library) -> _Uses:
    uses = _Uses()
    for flow, part in library.flows.items():
        for name, step in part.steps.items():
            _note(library, flow, name, step, uses)
    return uses


def _purposes(library: Library, uses: _Uses) -> Iterator[Finding]:
    declared = library.manifest.variables
    printed = {name for text in all_texts(library) if not text.step for name in text.placeholders()}
    for name, variable in declared.items():
        if name not in uses.saved and name in uses.read:
            flow, reader = uses.read[name]
            yield library.finding(
                flow,
                ("steps", reader),
                "never-saved",
                f"bước “{reader}” dùng biến “{name}” nhưng không bước nào lưu nó; lưu bằng save hoặc set, hoặc bỏ chỗ dùng",
                f"step '{reader}' uses variable '{name}', but no step saves it; keep it with save or set, or do not use it",
            )
        elif name not in uses.saved or not (
            name in uses.read or name in printed or variable.label or variable.thresholds
        ):
            yield library.finding_in(
                SET_FILE,
                ("variables", name),
                "unused-variable",
                f"biến “{name}” không được dùng: bỏ đi, hoặc thêm label để người trực thấy",
                f"variable '{name}' is not used: remove it, or add a label so that the counsellor sees it",
            )


def _note(library: Library, flow: str, name: str, step: Step, uses: _Uses) -> None:
    uses.saved |= {*step.sets, *([step.save] if step.save else [])}
    for choice in (step.choices or {}).values():
        uses.saved |= {*choice.sets, *([choice.score.name] if choice.score else [])}
    read = {placeholder for text in step_texts(library, flow, name) for placeholder in text.placeholders()}
    read |= {str(value) for key, value in step.with_.items() if key in ("near", "code", "until", "language")}
    read |= {step.remind.at} if step.remind is not None else set()
    if step.refer is not None:
        shared = {name for names in step.refer.share.values() for name in names}
        read |= {*shared, *filter(None, [step.refer.near, step.refer.need])}
    for branch in step.next if isinstance(step.next, list) else []:
        read |= condition_variables(branch.when or {})
    for variable in sorted(read):
        uses.read.setdefault(variable, (flow, name))


def condition_variables(when: Mapping[str, object]) -> set[str]:
    """The variables a written condition asks about, through `any`, `all` and `not`."""
    found: set[str] = set()
    for key, value in when.items():
        if key in ("any", "all") and isinstance(value, list):
            for part in value:
                found |= condition_variables(part)
        elif key == "not" and isinstance(value, Mapping):
            found |= condition_variables(value)
        else:
            found.add(key)
    return found
