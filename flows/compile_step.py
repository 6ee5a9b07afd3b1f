"""One step, from what was written to what runs; what does not fit together in it is a finding."""

from __future__ import annotations

from flows.compile_errand import compile_errand, saved_by
from flows.compile_parts import PartsCompiler, raised_by
from flows.effects import SayKind
from flows.program import Question, Task
from flows.schema import AskType, StepKind, VariableType
from flows.source import Path

_SAVES: dict[AskType, tuple[VariableType, ...]] = {
    AskType.TEXT: (VariableType.TEXT,),
    AskType.NUMBER: (VariableType.NUMBER,),
    AskType.PLACE: (VariableType.PLACE,),
    AskType.YES_NO: (VariableType.YES_NO, VariableType.FLAG),
    AskType.AGE_BAND: (VariableType.AGE_BAND,),
    AskType.TIME: (VariableType.TIME,),
    AskType.DATE: (VariableType.DATE,),
    AskType.CODE: (VariableType.CODE,),
    AskType.LANGUAGE: (VariableType.LANGUAGE,),
}

_NEEDS_NEXT = (StepKind.PASS, StepKind.ASK, StepKind.DO, StepKind.CALL, StepKind.REMIND, StepKind.REFER)
_NO_NEXT = (StepKind.HANDOVER, StepKind.END, StepKind.RETURN)


class StepCompiler(PartsCompiler):
    """Compiles one step of a flow; tells `complain` (paths below the step) what is wrong."""

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
            raised=raised_by(step.severity, step.category, self.place),
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
            after_card=step.after_card or "",
            reminder=self._reminder(),
            referral=self._referral(),
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
        if step.after_card and not kind.waits:
            message = "“after_card” chỉ dùng ở bước chờ trả lời (choices, ask)"
            message_en = "'after_card' belongs to a waiting step (choices, ask)"
            self.complain(("after_card",), "misplaced-part", message, message_en)
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
