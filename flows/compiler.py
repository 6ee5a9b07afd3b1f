"""From what was written to what runs; on the way every reference is looked up, and a dangling one is a finding.

Compiling goes on after a mistake, so that one run finds them all; the result is used only when there was none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from flows.answers import yes_no_book
from flows.catalogs import context_of
from flows.compile_step import StepCompiler
from flows.everyday import Everyday
from flows.languages import Language, spoken
from flows.phrases import PHRASES
from flows.program import Program, Task
from flows.references import Names, complainer, text_with
from flows.schema import Flow, Interrupts, Manifest, Words
from flows.source import Path, Source
from flows.templates import Template
from flows.text import Phrasebook, key_of
from flows.wishes import WishBook

WORD_ORDER = ("stop", "delete", "help", "human", "language", "back", "repeat")
"""Which meaning wins when a word without accents could be two."""


@dataclass(slots=True)
class Compiled:
    """The steps of all flows so far, and what calls what."""

    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)
    calls: dict[str, dict[str, Path]] = field(default_factory=dict)  # flow -> called flow -> where
    greetings: dict[str, tuple[timedelta, tuple[Template, ...]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)  # flows in which no question of hers is answered


def compile_flow(flow: Flow, source: Source, names: Names, into: Compiled) -> None:
    """Compile the steps of one flow; mistakes go to the findings of its file."""
    into.starts[flow.flow] = flow.start
    into.calls[flow.flow] = {}
    if not flow.questions:
        into.closed.add(flow.flow)
    if flow.on_resume is not None:
        complain = complainer(source, ("on_resume",))
        context = context_of(flow.flow, ("on_resume", "say"))
        said = [
            text_with(text, names, complain, ("say", index), (), context)
            for index, text in enumerate(flow.on_resume.say)
        ]
        into.greetings[flow.flow] = (flow.on_resume.after, tuple(said))
    if flow.start not in flow.steps:
        message = f"bước bắt đầu “{flow.start}” không có trong kịch bản này"
        source.add(("start",), "unknown-step", message, f"the start step '{flow.start}' is not in this flow")
    for name, step in flow.steps.items():
        complain = complainer(source, ("steps", name))
        into.tasks[flow.flow, name] = StepCompiler(flow, name, step, names, complain).compile()
        if step.call is not None:
            into.calls[flow.flow].setdefault(step.call, ("steps", name, "call"))


def check_calls(calls: Mapping[str, Mapping[str, Path]], sources: Mapping[str, Source]) -> None:
    """A flow that calls itself, over others or not, would fill the stack: a finding on each call that closes a ring.

    `sources` is by flow name.
    """
    for flow, called in calls.items():
        for target, path in called.items():
            if flow in _reachable(target, calls):
                message = (
                    f"kịch bản “{flow}” gọi “{target}” rồi lại bị gọi trở lại; dùng next hoặc return thay cho call"
                )
                message_en = f"flow '{flow}' calls '{target}', which leads back to a call of '{flow}'"
                sources[flow].add(path, "call-ring", message, message_en)


def _reachable(start: str, calls: Mapping[str, Mapping[str, Path]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in calls.get(waiting.pop(), {}):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def check_manifest(manifest: Manifest, source: Source, names: Names) -> None:
    """Entry, interrupts and questions name flows, and what identifies her a declared consent."""
    leads: list[tuple[str, Path]] = [(manifest.entry, ("entry",))]
    events = [(event, getattr(manifest.interrupts, event)) for event in Interrupts.model_fields]
    leads += [(flow, ("interrupts", event)) for event, flow in events if flow is not None]
    leads += [(flow, ("questions", sign)) for sign, flow in manifest.questions.named().items()]
    for flow, path in leads:
        if flow not in names.flows:
            message = f"không có kịch bản “{flow}”"
            source.add(path, "unknown-flow", message, f"there is no flow '{flow}'")
    for name, variable in manifest.variables.items():
        if variable.identifying is not None and variable.identifying not in manifest.consents:
            message = f"“{variable.identifying}” chưa khai báo trong “consents” của set.yaml"
            message_en = f"'{variable.identifying}' is not declared under 'consents' in set.yaml"
            source.add(("variables", name, "identifying"), "unknown-consent", message, message_en)


def check_words(
    manifest: Manifest, source: Source, languages: Mapping[str, Language], sources: Mapping[str, Source]
) -> None:
    """No global word means two things, in whatever language it is typed. `sources` is by language."""
    seen: dict[object, str] = {}
    lists: list[tuple[Source, object]] = [(source, manifest.words)]
    lists += [(sources[code], language.words) for code, language in languages.items()]
    for file, words in lists:
        for meaning in Words.model_fields:
            for index, word in enumerate(getattr(words, meaning)):
                key = key_of(word)
                first = seen.setdefault(key, meaning)
                if not key.folded or first != meaning:
                    message = f"từ này trống hoặc đã có ở “{first}”"
                    message_en = f"this word is empty or stands under '{first}' too"
                    file.add(("words", meaning, index), "word-twice", message, message_en)


def compile_phrases(manifest: Manifest, source: Source, names: Names) -> dict[str, Template]:
    """Every phrase the engine and the host need, each with its own placeholders only."""
    templates: dict[str, Template] = {}
    for key, text in manifest.phrases.items():
        complain = complainer(source, ("phrases", key))
        if key not in PHRASES:
            complain((), "unknown-phrase", f"không có câu nào tên “{key}”", f"there is no phrase named '{key}'")
            continue
        template = text_with(text, names, complain, (), PHRASES[key].placeholders, context_of("phrases", (key,)))
        if not PHRASES[key].whole:
            template = replace(template, recording="")
        templates[key] = template
    for key, phrase in PHRASES.items():
        if key not in manifest.phrases and phrase.instead in templates:
            templates[key] = templates[phrase.instead]
        elif key not in manifest.phrases:
            message = f"thiếu câu “{key}”"
            source.add(("phrases",), "missing-phrase", message, f"phrase '{key}' is missing: {phrase.purpose}")
    return templates


def link(manifest: Manifest, languages: Mapping[str, Language], compiled: Compiled) -> Program:
    """Put the compiled parts together; call only when nothing was found wrong."""
    events = {event: str(flow) for event, flow in manifest.interrupts.model_dump().items() if flow is not None}
    breaking = frozenset(flow for event, flow in events.items() if event != "released")
    said = [manifest.words, *(language.words for language in languages.values())]
    pairs = [(word, meaning) for meaning in WORD_ORDER for words in said for word in getattr(words, meaning)]
    names = [(name, one.language) for one in languages.values() for name in (one.name, *one.called, one.language)]
    pairs += [(name, "language") for one in languages.values() for name in _names_anywhere(one)]
    return Program(
        entry=manifest.entry,
        starts=compiled.starts,
        tasks=compiled.tasks,
        greetings=compiled.greetings,
        interrupts=events,
        breaking=breaking,
        questions=manifest.questions.named(),
        closed=breaking.union(compiled.closed, manifest.questions.named().values()),
        words=Phrasebook(pairs),
        variables=manifest.variables,
        language=manifest.language,
        languages=spoken(languages, manifest.language),
        named=Phrasebook(names),
        yes_no=yes_no_of(languages),
        everyday=Everyday(manifest.answers, [one.answers for one in languages.values()], yes_no_of(languages)),
        wishes=WishBook([manifest.wishes, *(language.wishes for language in languages.values())]),
    )


def _names_anywhere(language: Language) -> list[str]:
    """The names by which a language is asked for at any time: short ones may be something else ("dao" is a knife)."""
    return [language.name, *(name for name in language.called if " " in name.strip())]


def yes_no_of(languages: Mapping[str, Language]) -> Phrasebook[bool]:
    """What means yes or no in any of the languages."""
    yes = [word for language in languages.values() for word in language.yes]
    return yes_no_book(yes, [word for language in languages.values() for word in language.no])
