"""One step, from what was written to what runs; what does not fit together in it is a finding."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from flows import conditions
from flows.answers import yes_or_no
from flows.compile_errand import compile_errand, saved_by
from flows.conditions import Complain, Condition
from flows.effects import Raise, SayKind, Value
from flows.program import Consent, Option, Options, Question, Scored, Task, Way
from flows.references import Names, text_with
from flows.schema import AskType, Flow, Step, StepKind, Variable, VariableType
from flows.severity import Severity
from flows.source import Path
from flows.templates import Template
from flows.text import Key, Phrasebook, key_of

if TYPE_CHECKING:
    from flows.schema import Choice

_SAVES: dict[AskType, tuple[VariableType, ...]] = {
    AskType.TEXT: (VariableType.TEXT,),
    AskType.NUMBER: (VariableType.NUMBER,),
    AskType.PLACE: (VariableType.PLACE,),
    AskType.YES_NO: (VariableType.YES_NO, VariableType.FLAG),
    AskType.AGE_BAND: (VariableType.AGE_BAND,),
    AskType.TIME: (VariableType.TIME,),
    AskType.DATE: (VariableType.DATE,),
    AskType.CODE: (VariableType.CODE,),
}

_NEEDS_NEXT = (StepKind.PASS, StepKind.ASK, StepKind.DO, StepKind.CALL)
_NO_NEXT = (StepKind.HANDOVER, StepKind.END, StepKind.RETURN)


class StepCompiler:
    """Compiles one step of a flow; tells `complain` (paths below the step) what is wrong."""

    def __init__(self, flow: Flow, name: str, step: Step, names: Names, complain: Complain) -> None:
        """Take the step and what it may refer to."""
        self.flow, self.name, self.step, self.names, self.complain = flow, name, step, names, complain
        self.place = f"{flow.flow}.{name}"

    def compile(self) -> Task:
        """The step, ready to run; only to be run when nothing was complained about."""
        step = self.step
        self._check_shape()
        for target, path in step.targets():
            self._step_known(target, path)
        return Task(
            flow=self.flow.flow,
            name=self.name,
            place=self.place,
            kind=step.kind,
            says=self._texts(step.say, ("say",)),
            say_kind=SayKind.CARD if step.card else SayKind.LINE,
            raised=_raised(step.severity, step.category, self.place),
            sets=self._sets(step.sets, ("set",)),
            way=self._way(),
            options=self._options() if step.choices else None,
            question=self._question() if step.ask else None,
            errand=compile_errand(step.do, step.with_, self._typed_variable, self.complain) if step.do else None,
            call=self._call(),
            desk=step.handover.desk if step.handover else "",
            reason=step.handover.reason if step.handover else "",
            on_release=step.handover.on_release if step.handover else "",
            outcome=step.end or "",
            save=step.save or "",
            silence=(step.silence.after, step.silence.goto) if step.silence else None,
            consent=self._consent(),
            within=(step.within.after, step.within.goto) if step.within else None,
            many=bool(step.many),
            invalid=self._texts(step.invalid, ("invalid",)),
            unclear=(step.unclear.tries, step.unclear.goto) if step.unclear else None,
        )

    # --- how the parts fit ------------------------------------------------------------------------------------------

    def _check_shape(self) -> None:
        step, kind = self.step, self.step.kind
        if len(step.main_parts) > 1:
            parts = ", ".join(step.main_parts)
            message = f"một bước chỉ có một phần chính, ở đây có: {parts}"
            self.complain(
                (step.main_parts[1].value,), "several-parts", message, f"a step has one main part, not: {parts}"
            )
        if step.silence and not kind.waits:
            message = "“silence” chỉ dùng ở bước chờ trả lời (choices, ask)"
            self.complain(("silence",), "misplaced-part", message, "'silence' belongs to a waiting step (choices, ask)")
        if kind.waits and not step.say:
            message = "bước chờ trả lời phải có “say”: người nhắn cần biết mình được hỏi gì"
            self.complain((), "silent-question", message, "a step that waits for an answer must say something")
        if step.card and not step.say:
            self.complain(("card",), "misplaced-part", "“card” cần “say”", "'card' needs 'say'")
        if step.next is None and (kind in _NEEDS_NEXT or any(c.goto is None for c in (step.choices or {}).values())):
            message = "thiếu “next” (hoặc “goto” ở từng lựa chọn): cuộc nhắn sẽ dừng ở đây"
            self.complain(
                (), "missing-next", message, "'next' (or a 'goto' for each choice) is missing: the talk would stop here"
            )
        if step.next is not None and kind in _NO_NEXT:
            self.complain(
                ("next",), "misplaced-part", f"“{kind}” không đi với “next”", f"'{kind}' does not go with 'next'"
            )
        for part in ("many", "invalid", "unclear", "consent"):
            if getattr(step, part) is not None and kind is not StepKind.CHOICES:
                self.complain(
                    (part,), "misplaced-part", f"“{part}” chỉ đi với “choices”", f"'{part}' goes with 'choices' only"
                )
        if step.many and kind is StepKind.CHOICES:
            self._check_many()
        if step.within and kind is not StepKind.CALL:
            self.complain(("within",), "misplaced-part", "“within” chỉ đi với “call”", "'within' goes with 'call' only")
        if step.with_ and kind is not StepKind.DO:
            self.complain(("with",), "misplaced-part", "“with” chỉ đi với “do”", "'with' goes with 'do' only")
        self._check_save()

    def _check_many(self) -> None:
        for choice_id, choice in (self.step.choices or {}).items():
            if choice.goto is not None:
                message = "khi chọn được nhiều (many), các lựa chọn cùng đi tiếp theo “next”"
                path: Path = ("choices", choice_id, "goto")
                self.complain(path, "misplaced-part", message, "with 'many' all choices go on at the step's 'next'")
        if self.step.save is None:
            self.complain((), "missing-save", "“many” cần “save”", "'many' needs 'save'")
        if self.step.consent is not None:
            message = "“consent” không đi với “many”"
            self.complain(("consent",), "misplaced-part", message, "'consent' does not go with 'many'")

    def _check_save(self) -> None:
        step, kind = self.step, self.step.kind
        if step.save is None:
            if kind is StepKind.ASK:
                self.complain((), "missing-save", "“ask” cần “save”", "'ask' needs 'save'")
            elif step.do is not None and saved_by(step.do) is not None:
                self.complain((), "missing-save", f"“{step.do}” cần “save”", f"'{step.do}' needs 'save'")
            return
        if kind is StepKind.CHOICES:
            self._check_saved_choices(step.save)
        elif kind is StepKind.ASK and step.ask is not None:
            self._typed_variable(step.save, ("save",), _SAVES[step.ask.type])
        elif step.do is not None and saved_by(step.do) is not None:
            wanted = saved_by(step.do)
            self._typed_variable(step.save, ("save",), (wanted,) if wanted else ())
        else:
            self.complain(("save",), "misplaced-part", "bước này không có gì để lưu", "this step has nothing to save")

    def _check_saved_choices(self, save: str) -> None:
        wanted = VariableType.CHOICES if self.step.many else VariableType.CHOICE
        variable = self._typed_variable(save, ("save",), (wanted,))
        for choice_id in self.step.choices or {}:
            if variable is not None and choice_id not in variable.values:
                message = f"“{choice_id}” không có trong “values” của biến “{save}”"
                self.complain(("choices", choice_id), "bad-value", message, f"'{choice_id}' is not a value of '{save}'")

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
        printable = _Printable(self.names)
        return tuple(
            text_with(text, self.names, self.complain, (*path, index), printable)
            for index, text in enumerate(texts or ())
        )

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
        entries += [(option.id.replace("_", " "), index) for index, option in enumerate(options)]
        meanings = [yes_or_no(key) for key in keys]
        yes_no = tuple(meanings.index(answer) if meanings.count(answer) == 1 else None for answer in (False, True))
        exact = self.step.consent is not None or any(one.severity is Severity.EMERGENCY for one in written.values())
        folded = () if exact else tuple(key.folded for key in keys)
        return Options(options, Phrasebook(entries), folded, (yes_no[0], yes_no[1]))

    def _option(self, choice_id: str, choice: Choice) -> Option:
        way = Way(choice.goto) if choice.goto else self._way_quietly()
        raised = _raised(choice.severity, choice.category, f"{self.place}:{choice_id}")
        scored = None
        if choice.score is not None:
            path: Path = ("choices", choice_id, "score", "name")
            self._typed_variable(choice.score.name, path, (VariableType.SCORE,))
            scored = Scored(choice.score.name, choice.score.add, choice.score.why)
        return Option(
            choice_id, choice.label, way, raised, self._sets(choice.sets, ("choices", choice_id, "set")), scored
        )

    def _consent(self) -> Consent | None:
        purpose, choices = self.step.consent, self.step.choices or {}
        if purpose is None:
            return None
        if set(choices) != {"yes", "no"}:
            message = "bước xin phép có đúng hai lựa chọn tên yes và no"
            self.complain(("consent",), "consent-shape", message, "a consent step has exactly the choices yes and no")
        if self.names.variables_known and purpose not in self.names.consents:
            message = f"“{purpose}” chưa khai báo trong “consents” của set.yaml"
            self.complain(
                ("consent",), "unknown-consent", message, f"'{purpose}' is not declared under 'consents' in set.yaml"
            )
        asked = "\n".join([*(self.step.say or ()), *(choice.label for choice in choices.values())])
        return Consent(purpose, self.names.consents.get(purpose, purpose), sha256(asked.encode()).hexdigest()[:12])

    def _way_quietly(self) -> Way:
        told, self.complain = self.complain, lambda *_: None  # `next` is complained about once, for the step
        way = self._way()
        self.complain = told
        return way or Way("")

    def _question(self) -> Question:
        ask = self.step.ask
        assert ask is not None
        invalid = self._texts(ask.invalid, ("ask", "invalid"))
        if "tries" in ask.model_fields_set and ask.skip is None:
            message = "“tries” cần “skip”: sau lần cuối phải có bước để đi tới"
            self.complain(
                ("ask", "tries"), "misplaced-part", message, "'tries' needs 'skip': where to go after the last"
            )
        if ask.type is AskType.PLACE and ask.skip is None:
            message = "câu hỏi về nơi ở phải có “skip”: không ai bị buộc phải nói mình ở đâu"
            self.complain(
                ("ask",), "missing-skip", message, "a question for a place needs 'skip': nobody must say where she is"
            )
        return Question(ask.type, invalid, ask.tries, ask.skip or "", ask.side)


class _Printable:
    """The variables a text may print; those whose declaration is broken count, their mistake is told elsewhere."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __contains__(self, name: object) -> bool:
        return self._names.may_have(str(name))


def _raised(severity: Severity | None, category: str | None, why: str) -> Raise | None:
    if severity is None and category is None:
        return None
    return Raise(severity or Severity.NONE, why, category or "")
