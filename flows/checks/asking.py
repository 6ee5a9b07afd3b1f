"""What may be asked and what answers weigh: consent before anything that identifies her, thresholds that can be reached."""

from __future__ import annotations

from collections.abc import Iterator

from flows.checks.settling import Place, callers_of, return_steps, settle
from flows.checks.texts import SET_FILE
from flows.findings import Finding
from flows.graph import Graph
from flows.library import Library
from flows.schema import Step, VariableType

_Purposes = frozenset[str]


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about consent and scores."""
    yield from _identifying(library, graph)
    yield from _without_consent(library, graph)
    yield from _unused_consents(library)
    yield from _thresholds(library)


# --- consent ------------------------------------------------------------------------------------------------------


def _identifying(library: Library, graph: Graph) -> Iterator[Finding]:
    """What identifies her is kept only behind a yes to its purpose, on every path (invariant 4)."""
    agreed = Agreed(library, graph) if any(one.identifying for one in library.manifest.variables.values()) else None
    for flow_name, flow in library.flows.items() if agreed is not None else ():
        for step_name, step in flow.steps.items():
            for name in sorted(_kept(step)):
                variable = library.manifest.variables.get(name)
                purpose = variable.identifying if variable is not None else None
                if purpose is None or agreed is None or purpose in agreed.at(flow_name, step_name):
                    continue
                yield library.finding(
                    flow_name,
                    ("steps", step_name, "save") if step.save == name else ("steps", step_name),
                    "identifying-without-consent",
                    f"bước “{step_name}” lưu “{name}”, điều nhận ra được người; có đường tới đó mà chưa đồng ý "
                    f"“{purpose}”: đặt bước consent: {purpose} phía trước",
                    f"step '{step_name}' keeps '{name}', which identifies her; on some way there she has not agreed "
                    f"to '{purpose}': put a step with consent: {purpose} before it",
                )


def _without_consent(library: Library, graph: Graph) -> Iterator[Finding]:
    """She is written to later, or sent on, only behind her yes: on every path (the engine does nothing without it)."""
    agreed: Agreed | None = None
    for flow_name, flow in library.flows.items():
        for step_name, step in flow.steps.items():
            for part, code, purpose in (
                ("remind", "remind-without-consent", step.remind.consent if step.remind else None),
                ("refer", "refer-without-consent", step.refer.consent if step.refer else None),
            ):
                if purpose is None:
                    continue
                agreed = agreed or Agreed(library, graph)
                if purpose not in agreed.at(flow_name, step_name):
                    yield library.finding(
                        flow_name,
                        ("steps", step_name, part, "consent"),
                        code,
                        f"bước “{step_name}” cần lời đồng ý “{purpose}”; có đường tới đó mà chưa đồng ý: đặt bước "
                        f"consent: {purpose} phía trước, và chỉ nhánh yes dẫn tới đây",
                        f"step '{step_name}' needs consent to '{purpose}', which she has not given on some way there: put a "
                        f"step with consent: {purpose} before it, and lead only its yes here",
                    )


def _kept(step: Step) -> set[str]:
    kept = {*step.sets, *([step.save] if step.save else [])}
    return kept.union(*(choice.sets for choice in (step.choices or {}).values()))


class Agreed:
    """The purposes she has surely agreed to when she comes to a step, on whichever way.

    Everything counts as agreed at first and is taken back until nothing changes; where an interrupt begins nothing is sure.
    """

    def __init__(self, library: Library, graph: Graph) -> None:
        self._library, self._graph = library, graph
        every = frozenset(library.manifest.consents)
        self._at: dict[tuple[str, str], _Purposes] = {(node.flow, node.step): every for node in graph.all_nodes()}
        self._open = [(flow, graph.starts[flow]) for flow in graph.breaks_in if graph.start(flow)]
        for place in self._open:
            self._at[place] = frozenset()
        self._refused = {name: self._refusable(name, set()) for name in library.flows}
        self._returns = return_steps(library)
        settle(self._at, self._leads_to, callers_of(library))

    def at(self, flow: str, step: str) -> _Purposes:
        """The purposes surely agreed to at a step."""
        return self._at[flow, step]

    def _leads_to(self, place: Place) -> Iterator[tuple[Place, _Purposes]]:
        (flow, name), here = place, self._at[place]
        step = self._library.flows[flow].steps[name]
        if step.call is not None and step.call in self._library.flows:
            yield (step.call, self._graph.starts[step.call]), here
            here -= self._refused[step.call]
            if step.within is not None:
                yield (flow, step.within.goto), here
            here |= self._when_back(step.call)
        for target, path in step.targets():
            agreed = here
            if step.consent is not None and path[:1] == ("choices",):
                agreed = here | {step.consent} if path[1] == "yes" else here - {step.consent}
            elif step.consent is not None:
                agreed = here - {step.consent}  # `next` serves both answers
            yield (flow, target), agreed

    def _when_back(self, flow: str) -> _Purposes:
        returns = [self._at[place] for place in self._returns[flow]]
        return frozenset(self._library.manifest.consents).intersection(*returns) if returns else frozenset()

    def _refusable(self, flow: str, seen: set[str]) -> _Purposes:
        """The purposes that can be refused in a flow and those it calls."""
        if flow in seen or flow not in self._library.flows:
            return frozenset()
        seen.add(flow)
        steps = self._library.flows[flow].steps.values()
        own = frozenset(step.consent for step in steps if step.consent)
        return own.union(*(self._refusable(step.call, seen) for step in steps if step.call))


def _unused_consents(library: Library) -> Iterator[Finding]:
    asked = {step.consent for flow in library.flows.values() for step in flow.steps.values()}
    for purpose in library.manifest.consents:
        if purpose not in asked:
            yield library.finding_in(
                SET_FILE,
                ("consents", purpose),
                "unused-consent",
                f"không bước nào xin phép “{purpose}”: thêm bước consent, hoặc bỏ dòng này",
                f"no step asks for consent to '{purpose}': add one, or remove this line",
            )


# --- scores -------------------------------------------------------------------------------------------------------


def _thresholds(library: Library) -> Iterator[Finding]:
    """A threshold above all that the questions can add is never reached: the danger it stands for would stay unseen."""
    for name, variable in library.manifest.variables.items():
        if variable.type is not VariableType.SCORE:
            continue
        most = sum(_most(step, name) for flow in library.flows.values() for step in flow.steps.values())
        for severity, least in variable.thresholds.items():
            if least > most:
                yield library.finding_in(
                    SET_FILE,
                    ("variables", name, "thresholds", severity.value),
                    "threshold-too-high",
                    f"“{name}” nhiều nhất được {most} điểm, không bao giờ tới {least}; hạ ngưỡng, hoặc thêm câu hỏi có điểm",
                    f"'{name}' comes to {most} points at most, never to {least}; lower it, or add a question that scores",
                )


def _most(step: Step, name: str) -> int:
    """The most that an answer to this step adds to a score."""
    added = [choice.score.add for choice in (step.choices or {}).values() if choice.score and choice.score.name == name]
    return sum(added) if step.many else max(added, default=0)
