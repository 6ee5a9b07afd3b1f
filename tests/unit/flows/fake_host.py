"""A host for transcripts in tests: three made-up answers, no place table, no directory, no screening."""

from __future__ import annotations

from collections.abc import Mapping

from flows.effects import AskCanRemind, FindServices, MakeReturnCode, PlaceAnswer, Question, ResolvePlace, Value
from flows.severity import Severity

NAMES: Mapping[str, str] = {"03390": "xã Bình Lư", "03388": "xã Mường Than", "03405": "xã Khun Há"}


class FakeHost:
    """Knows the communes of `NAMES`; a text with the word "nguy" is an emergency, one with "lo" is urgent."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def screen(self, text: str) -> tuple[Severity, str, tuple[str, ...]]:
        words = text.lower().split()
        if "nguy" in words:
            return Severity.EMERGENCY, "other_emergency", ()
        return (Severity.URGENT, "other_distress", ()) if "lo" in words else (Severity.NONE, "", ())

    def answer(self, question: Question) -> Value | PlaceAnswer:
        self.asked.append(question)
        if isinstance(question, ResolvePlace):
            codes = tuple(code for code, name in NAMES.items() if question.text.lower() in name.lower())
            return PlaceAnswer("exact" if len(codes) == 1 else "ambiguous" if codes else "none", codes, NAMES)
        if isinstance(question, FindServices):
            return [{"id": "one", "text": "Trạm y tế xã"}]
        if isinstance(question, AskCanRemind):
            return True  # asked only where no transcript's world is at hand
        assert isinstance(question, MakeReturnCode), "the runner answers everything else from the world"
        return "ABCD-EFGH-JKLM"

    def near(self, commune: str) -> PlaceAnswer:
        return PlaceAnswer("exact", (commune, *(code for code in NAMES if code != commune)), NAMES)
