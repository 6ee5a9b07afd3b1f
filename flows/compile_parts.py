"""The parts of a step: texts, choices, branches, what is set; each with everything it refers to looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from flows import conditions
from flows.answers import yes_or_no
from flows.catalogs import context_of
from flows.conditions import Complain, Condition
from flows.effects import Raise, Value
from flows.program import Consent, Option, Options, Referral, Reminder, Scored, Way
from flows.references import Names, text_with
from flows.schema import Flow, Step, Variable, VariableType
from flows.severity import Severity
from flows.source import Path
from flows.templates import Template
from flows.text import Key, Phrasebook, key_of

if TYPE_CHECKING:
    from flows.schema import Choice


_PLAIN = {key_of("có"): True, key_of("không"): False}


class PartsCompiler:
    """What compiling the parts of one step needs; `StepCompiler` puts them together."""

    def __init__(self, flow: Flow, name: str, step: Step, names: Names, complain: Complain) -> None:
        """Take the step and what it may refer to."""
        self.flow, self.name, self.step, self.names, self.complain = flow, name, step, names, complain
        self.place = f"{flow.flow}.{name}"

    # --- references -------------------------------------------------------------------------------------------------

    def _step_known(self, target: str, path: Path) -> None:
        if target not in self.flow.steps:
            message = f"không có bước “{target}” trong kịch bản này"
            self.complain(path, "unknown-step", message, f"there is no step '{target}' in this flow")

    def _call(self) -> str:
        called = self.step.call or ""
        if called and called not in self.names.flows:
            self.complain(("call",), "unknown-flow", f"không có kịch bản “{called}”", f"there is no flow '{called}'")
        return called

    def _typed_variable(self, name: str, path: Path, types: tuple[VariableType, ...]) -> Variable | None:
        variable = self.names.variables.get(name)
        if variable is None:
            if not self.names.may_have(name):
                message = f"biến “{name}” chưa khai báo trong set.yaml"
                self.complain(path, "unknown-variable", message, f"variable '{name}' is not declared in set.yaml")
        elif variable.type not in types:
            wanted = ", ".join(types)
            message = f"biến “{name}” là {variable.type}, ở đây cần {wanted}"
            self.complain(path, "wrong-type", message, f"variable '{name}' is {variable.type}, {wanted} is needed here")
        return variable

    # --- parts ------------------------------------------------------------------------------------------------------

    def _texts(self, texts: list[str] | None, path: Path) -> tuple[Template, ...]:
        printable, context = _Printable(self.names), context_of(self.place, path)
        last = len(texts or ()) - 1
        return tuple(
            text_with(
                text,
                self.names,
                self.complain,
                (*path, index),
                printable,
                context,
                self._labels() if path == ("say",) and index == last else (),
            )
            for index, text in enumerate(texts or ())
        )

    def _labels(self) -> tuple[str, ...]:
        return tuple(choice.label for choice in (self.step.choices or {}).values())

    def _sets(self, written: dict[str, str], path: Path) -> tuple[tuple[str, Value], ...]:
        done: list[tuple[str, Value]] = []
        for name, text in written.items():
            variable = self._typed_variable(name, (*path, name), tuple(VariableType))
            try:
                value = conditions.typed(text, variable) if variable else text
                done.append((name, [value] if variable and variable.type is VariableType.CHOICES else value))
            except ValueError:
                assert variable is not None
                message = f"biến “{name}” ({variable.type}) không thể có giá trị này"
                self.complain(
                    (*path, name), "bad-value", message, f"variable '{name}' ({variable.type}) cannot hold this value"
                )
        return tuple(done)

    def _way(self) -> Way | None:
        written = self.step.next
        if written is None or isinstance(written, str):
            return Way(written) if written else None
        branches: list[tuple[Condition, str]] = []
        otherwise = ""
        for index, branch in enumerate(written):
            path: Path = ("next", index)
            if branch.otherwise is not None:
                otherwise = branch.otherwise
                if index != len(written) - 1:
                    self.complain(path, "else-not-last", "“else” phải đứng cuối", "'else' must stand last")
                continue
            condition = conditions.parse(branch.when or {}, self.names.variables, self._below((*path, "when")))
            if condition is not None:
                branches.append((condition, branch.goto or ""))
        if not otherwise:
            message = "danh sách nhánh phải kết thúc bằng {else: bước}"
            self.complain(("next",), "missing-else", message, "a list of branches ends with {else: step}")
        return Way(otherwise, tuple(branches))

    def _below(self, under: Path) -> Complain:
        def complain(path: Path, code: str, message: str, message_en: str) -> None:
            if code == "unknown-variable" and path and self.names.may_have(str(path[-1])):
                return  # its own mistake is told in set.yaml
            self.complain(under + path, code, message, message_en)

        return complain

    def _options(self) -> Options:
        written = self.step.choices or {}
        options = tuple(self._option(choice_id, choice) for choice_id, choice in written.items())
        keys = [key_of(option.label) for option in options]
        entries: list[tuple[str | Key, int]] = [(key, index) for index, key in enumerate(keys)]
        book = Phrasebook(entries)
        for index, option in enumerate(options):
            if book.find_only(keys[index]) != index:
                path: Path = ("choices", option.id, "label")
                message = "nhãn này trống hoặc trùng với một lựa chọn khác"
                self.complain(
                    path, "same-label", message, "this label has no letters or is the same as another choice's"
                )
        translations = {
            language: self._answers([replace(one, label=label) for one, label in zip(options, labels, strict=True)])
            for language, labels in self._labels_in_languages().items()
        }
        return replace(self._answers(options), translations=translations)

    def _labels_in_languages(self) -> dict[str, list[str]]:
        """The labels by language, as far as they are translated; a label that is not stays as it was written."""
        found: dict[str, list[str]] = {}
        for language, catalog in self.names.catalogs.items():
            written = self.step.choices or {}
            contexts = [context_of(self.place, ("choices", choice_id)) for choice_id in written]
            labels = [catalog.text(at, one.label) for at, one in zip(contexts, written.values(), strict=True)]
            if any(labels):
                found[language] = [label or one.label for label, one in zip(labels, written.values(), strict=True)]
        return found

    def _answers(self, options: Sequence[Option]) -> Options:
        """What may be typed for these answers, as their labels read."""
        keys = [key_of(option.label) for option in options]
        entries: list[tuple[str | Key, int]] = [(key, index) for index, key in enumerate(keys)]
        entries += [(option.id.replace("_", " "), index) for index, option in enumerate(options)]
        also = [self._also(option) for option in options]
        entries += [(key, index) for index, more in enumerate(also) for key in more]
        entries += [(key, index) for index, option in enumerate(options) for key in self._parts(option.label)]
        meanings = [self._plainly(key, more) for key, more in zip(keys, also, strict=True)]
        yes_no = tuple(meanings.index(answer) if meanings.count(answer) == 1 else None for answer in (False, True))
        exact = self.step.consent is not None or any(
            one.severity is Severity.EMERGENCY for one in (self.step.choices or {}).values()
        )
        folded = () if exact else tuple(key.folded for key in keys)
        return Options(tuple(options), Phrasebook(entries), folded, (yes_no[0], yes_no[1]))

    def _also(self, option: Option) -> list[Key]:
        return [key_of(word) for word in (self.step.choices or {})[option.id].also]

    def _parts(self, label: str) -> list[Key]:
        """Of a label like "Bị đi theo, bị rình" either may be typed, where it is more than one word; never for a consent."""
        parts = label.split(",") if self.step.consent is None else []
        return [key_of(part) for part in parts if len(parts) > 1 and len(part.split()) > 1]

    def _plainly(self, label: Key, also: Sequence[Key]) -> bool | None:
        """Does a choice say yes or no: by its label, or because *có* or *không* is said to mean it too?"""
        said = yes_or_no(label, self.names.yes_no)
        return said if said is not None else next((_PLAIN[key] for key in also if key in _PLAIN), None)

    def _option(self, choice_id: str, choice: Choice) -> Option:
        way = Way(choice.goto) if choice.goto else self._way_quietly()
        raises = raised_by(choice.severity, choice.category, f"{self.place}:{choice_id}")
        scored = None
        if choice.score is not None:
            path: Path = ("choices", choice_id, "score", "name")
            self._typed_variable(choice.score.name, path, (VariableType.SCORE,))
            scored = Scored(choice.score.name, choice.score.add, choice.score.why)
        return Option(
            choice_id, choice.label, way, raises, self._sets(choice.sets, ("choices", choice_id, "set")), scored
        )

    def _consent(self) -> Consent | None:
        purpose, choices = self.step.consent, self.step.choices or {}
        if purpose is None:
            return None
        if set(choices) != {"yes", "no"}:
            message = "bước xin phép có đúng hai lựa chọn tên yes và no"
            self.complain(("consent",), "consent-shape", message, "a consent step has exactly the choices yes and no")
        self._declared_purpose(purpose, ("consent",))
        asked = "\n".join([*(self.step.say or ()), *(choice.label for choice in choices.values())])
        return Consent(purpose, self.names.consents.get(purpose, purpose), sha256(asked.encode()).hexdigest()[:12])

    def _reminder(self) -> Reminder | None:
        remind = self.step.remind
        if remind is None:
            return None
        self._declared_purpose(remind.consent, ("remind", "consent"))
        self._typed_variable(remind.at, ("remind", "at"), (VariableType.TIME,))
        path: Path = ("remind", "say")
        text = text_with(remind.say, self.names, self.complain, path, (), context_of(self.place, path))
        return Reminder(text, remind.at, remind.days, remind.consent)

    def _referral(self) -> Referral | None:
        refer = self.step.refer
        if refer is None:
            return None
        self._declared_purpose(refer.consent, ("refer", "consent"))
        if refer.need is not None:
            self._typed_variable(refer.need, ("refer", "need"), (VariableType.CHOICE,))
        elif not refer.needs:
            message, message_en = "“refer” cần “needs” hoặc “need”: cần gì", "'refer' needs 'needs' or 'need': what for"
            self.complain(("refer",), "missing-key", message, message_en)
        if refer.near is not None:
            self._typed_variable(refer.near, ("refer", "near"), (VariableType.PLACE,))
        for item, shared in refer.share.items():
            for index, name in enumerate(shared):
                self._typed_variable(name, ("refer", "share", item, index), tuple(VariableType))
        needs, share = tuple(refer.needs), tuple((item, tuple(names)) for item, names in refer.share.items())
        return Referral(needs, refer.need or "", refer.near or "", share, refer.consent)

    def _declared_purpose(self, purpose: str, path: Path) -> None:
        if self.names.variables_known and purpose not in self.names.consents:
            message = f"“{purpose}” chưa khai báo trong “consents” của set.yaml"
            message_en = f"'{purpose}' is not declared under 'consents' in set.yaml"
            self.complain(path, "unknown-consent", message, message_en)

    def _way_quietly(self) -> Way:
        told, self.complain = self.complain, lambda *_: None  # `next` is complained about once, for the step
        way = self._way()
        self.complain = told
        return way or Way("")


class _Printable:
    """The variables a text may print; those whose declaration is broken count, their mistake is told elsewhere."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __contains__(self, name: object) -> bool:
        return self._names.may_have(str(name))


def raised_by(severity: Severity | None, category: str | None, why: str) -> Raise | None:
    """What passing a step or choice raises; None when nothing."""
    if severity is None and category is None:
        return None
    return Raise(severity or Severity.NONE, why, category or "")
