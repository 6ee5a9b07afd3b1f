"""The proofs a life may hang on: card, human and exit within two messages of every step, where global words lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flows.checks.texts import SET_FILE, step_texts
from flows.findings import Finding
from flows.graph import Graph, Move, Node, cycles, reachable
from flows.languages import FirstContact
from flows.library import Library
from flows.reach import Reach
from flows.severity import Severity

MAX_MESSAGES = 2  # invariant 2 of the design


@dataclass(frozen=True, slots=True)
class _Proofs:
    """How far everything that must be near is, from everywhere."""

    card: Reach
    human: Reach
    exit: Reach
    hush: Reach
    erase: Reach


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about what must always be within reach, said or left unsaid."""
    proofs = _Proofs(
        card=Reach(graph, lambda node: node.card),
        human=Reach(graph, lambda node: node.hands_over),
        exit=Reach(graph, lambda node: node.ends),
        hush=Reach(graph, lambda node: node.does == "hush"),
        erase=Reach(graph, lambda node: node.does == "erase"),
    )
    yield from _too_far(library, graph, proofs)
    yield from _interrupts(library, graph, proofs)
    yield from _emergencies(library, graph, proofs)
    yield from _cards(library, graph)
    yield from _nagging(library, graph)
    yield from _first_contact(library, graph)


def _too_far(library: Library, graph: Graph, proofs: _Proofs) -> Iterator[Finding]:
    goals = (
        ("card-too-far", "thẻ khẩn cấp", "the emergency card", proofs.card),
        ("human-too-far", "người thật", "a human", proofs.human),
        ("exit-too-far", "lối thoát (end)", "the exit (end)", proofs.exit),
    )
    passed = reachable(graph)
    for node in graph.all_nodes():
        if not node.waits or node.name not in passed:
            continue
        for code, goal, goal_en, reach in goals:
            if reach.from_step(node) > MAX_MESSAGES:
                yield library.finding(
                    node.flow,
                    ("steps", node.step),
                    code,
                    f"từ bước “{node.step}” không chắc tới được {goal} trong {MAX_MESSAGES} tin nhắn; xem các luồng "
                    "ghi ở interrupts",
                    f"from step '{node.step}' {goal_en} is not surely within {MAX_MESSAGES} messages; "
                    "look at interrupts and the flows they name",
                )


def _interrupts(library: Library, graph: Graph, proofs: _Proofs) -> Iterator[Finding]:
    """What each word and event leads to; messages count from after the word itself, so two less one are left."""
    rules: tuple[tuple[str, str, Reach, int, str, str], ...] = (
        ("help", "help-without-card", proofs.card, 0, "đưa ngay thẻ khẩn cấp", "show the emergency card at once"),
        ("danger", "danger-without-card", proofs.card, 0, "đưa ngay thẻ khẩn cấp", "show the emergency card at once"),
        ("stop", "stop-without-hush", proofs.hush, 0, "dừng ngay bằng do: hush", "fall silent at once with do: hush"),
        ("stop", "stop-without-end", proofs.exit, MAX_MESSAGES - 1, "đi tới end", "come to an end"),
        ("delete", "delete-without-erase", proofs.erase, MAX_MESSAGES - 1, "tới do: erase", "come to do: erase"),
        ("human", "human-without-handover", proofs.human, MAX_MESSAGES - 1, "tới handover", "come to a handover"),
    )
    for word, code, reach, most, must, must_en in rules:
        flow = graph.interrupts[word]
        if flow in graph.nodes and reach.from_start(flow) > most:
            yield library.finding_in(
                SET_FILE,
                ("interrupts", word),
                code,
                f"“{word}” dẫn tới luồng “{flow}”; luồng đó phải {must}, dù rẽ nhánh nào",
                f"'{word}' leads to flow '{flow}', which must {must_en}, whatever its branches decide",
            )
    concern = graph.interrupts["concern"]
    if concern in graph.nodes and not _can_hand_over(graph, concern):
        yield library.finding_in(
            SET_FILE,
            ("interrupts", "concern"),
            "concern-without-handover",
            f"“concern” dẫn tới luồng “{concern}”, nhưng luồng đó không có đường tới handover; thêm một bước có handover",
            f"'concern' leads to flow '{concern}', which has no way to a handover; add a step with one",
        )


def _can_hand_over(graph: Graph, flow: str) -> bool:
    """Does the flow, or one that it calls, have a handover step of its own?"""
    inside = reachable(Graph(graph.nodes, graph.starts, flow, {}, {}))
    return any(node.hands_over for node in graph.all_nodes() if node.name in inside)


def _emergencies(library: Library, graph: Graph, proofs: _Proofs) -> Iterator[Finding]:
    """A choice or step that says emergency brings the card in the same breath."""
    for flow_name, flow in library.flows.items():
        for step_name, step in flow.steps.items():
            node = graph.nodes[flow_name][step_name]
            # Before a handover the card has been shown: the counsellor is what comes now.
            if step.severity is Severity.EMERGENCY and not node.hands_over and proofs.card.from_step(node) > 0:
                yield _no_card(library, flow_name, step_name, ("severity",))
            for choice_id, choice in (step.choices or {}).items():
                if choice.severity is not Severity.EMERGENCY or step.many:  # with `many` the engine brings the card
                    continue
                after = [choice.goto] if choice.goto else list(node.ways(Move.ANSWER))
                nodes = [graph.nodes[flow_name][to] for to in after if to in graph.nodes[flow_name]]
                if any(proofs.card.from_step(other) > 0 for other in nodes):
                    yield _no_card(library, flow_name, step_name, ("choices", choice_id, "severity"))


def _no_card(library: Library, flow: str, step: str, path: tuple[str, ...]) -> Finding:
    card = library.manifest.interrupts.danger
    return library.finding(
        flow,
        ("steps", step, *path),
        "emergency-without-card",
        f"bước “{step}” báo khẩn cấp mà thẻ khẩn cấp không hiện ngay sau đó; cho nó tới một bước call: {card}",
        f"step '{step}' says emergency, but the emergency card does not follow at once; lead it to a step with call: {card}",
    )


def _cards(library: Library, graph: Graph) -> Iterator[Finding]:
    numbers = [f"line.{line_id}" for line_id, line in library.lines.items() if line.emergency]
    for node in graph.all_nodes():
        if not node.card:
            continue
        printed = {name for text in step_texts(library, node.flow, node.step) for name in text.placeholders()}
        for number in numbers:
            if number not in printed:
                yield library.finding(
                    node.flow,
                    ("steps", node.step, "card"),
                    "card-without-number",
                    f"thẻ khẩn cấp thiếu {{{number}}}, số này ghi emergency: yes trong lines.yaml; thêm vào thẻ",
                    f"the emergency card lacks {{{number}}}, which lines.yaml marks emergency: yes; add it to the card",
                )


def _nagging(library: Library, graph: Graph) -> Iterator[Finding]:
    """Silence that leads back to itself would write to her forever, whoever holds the phone."""
    for loop in cycles(graph, Move.ON, Move.SILENCE):
        inside = {node.step for node in loop}
        if not any(to in inside for node in loop for to in node.ways(Move.SILENCE)):
            continue  # never waits at all: `loop-without-wait` says so
        names = " → ".join(node.step for node in loop)
        yield library.finding(
            loop[0].flow,
            ("steps", loop[0].step),
            "nags-forever",
            f"khi bạn ấy im lặng, các bước {names} nhắn mãi không thôi; bước nhắc cuối không được có silence",
            f"while she is silent, the steps {names} write again and again; the last reminder must have no silence",
        )


def _first_contact(library: Library, graph: Graph) -> Iterator[Finding]:
    """The first answer says that a machine writes, and asks whether it is safe to write (invariant 3)."""
    if graph.entry not in graph.nodes:
        return
    rules = (
        ("first-contact-not-machine", "machine", "nói rõ là đang nhắn với máy", "say that a machine writes"),
        ("first-contact-not-safe", "safe", "hỏi nhắn tin có an toàn không", "ask whether it is safe to write"),
    )
    for language, said in _first_words(library):
        for code, what, must, must_en in rules:
            word = getattr(said, what)
            if Reach(graph, _says(library, word, language)).from_start(graph.entry) == 0:
                continue
            spoken, spoken_en = (f" (“{word}”, {language})", f" ('{word}', {language})") if language else ("", "")
            yield library.finding_in(
                f"languages/{language}.yaml" if language else SET_FILE,
                ("first_contact", what) if language else ("entry",),
                code,
                f"lượt nhắn đầu tiên của luồng “{graph.entry}” phải {must}{spoken}, dù rẽ nhánh nào",
                f"the first turn of flow '{graph.entry}' must {must_en}{spoken_en}, whatever its branches decide",
            )


_BASE_WORDS = FirstContact(machine="máy", safe="an toàn")


def _first_words(library: Library) -> Iterator[tuple[str, FirstContact]]:
    """What the first answer must say, in each language that the machine speaks."""
    yield "", _BASE_WORDS
    for code, language in library.languages.items():
        if language.enabled and code != library.manifest.language and language.first_contact is not None:
            yield code, language.first_contact


def _says(library: Library, word: str, language: str) -> Callable[[Node], bool]:
    """Does a step say this word, in this language?"""
    catalog = library.catalogs.get(language)

    def says(node: Node) -> bool:
        texts = [text for text in step_texts(library, node.flow, node.step) if text.begins]
        said = [(catalog.text(text.context, text.text) if catalog else None) or text.text for text in texts]
        return any(word.lower() in text.lower() for text in said)

    return says
