"""What one message does to a stay, with the messages before it in mind: the same worry said again and again is not the same.

Pure. Severity only rises here; what a human lowered is a human's matter.
"""

from __future__ import annotations

from dataclasses import replace

from flows.severity import Severity
from handlers.rules.screening import PROBE, Sign, Verdict

IN_A_ROW = 3
"""So many urgent messages one after the other are an emergency: each adds to what a person may be in, and nobody answered."""

_SHORT = 3  # words; "chị ơi", "dạ em đây" neither add to the row nor break it
_AGAIN = Sign("urgent_again", "", "E")


def with_those_before(verdict: Verdict, text: str, urgent_before: int) -> tuple[Verdict, int]:
    """The verdict on `text`, raised when it is the third urgent one in a row, and how many stand in a row now.

    Asking after somebody (a probe) is no danger to the writer: it neither counts nor breaks the row.
    """
    if not text or verdict.category == PROBE:
        return verdict, urgent_before
    if verdict.severity is Severity.URGENT:
        if urgent_before + 1 < IN_A_ROW:
            return verdict, urgent_before + 1
        return replace(verdict, severity=Severity.EMERGENCY, signs=(_AGAIN, *verdict.signs)), 0
    if verdict.severity is Severity.EMERGENCY or (verdict.severity is Severity.NONE and len(text.split()) <= _SHORT):
        return verdict, urgent_before
    return verdict, 0
