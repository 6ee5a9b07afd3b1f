"""A `do` step's errand: which there are, what their `with` may say, and what they save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.conditions import Complain
from flows.effects import LateAnswer
from flows.manifest import Variable, VariableType
from flows.program import Errand
from flows.schema import DoName
from flows.source import Path

_ERRANDS: dict[DoName, tuple[frozenset[str], VariableType | None]] = {
    DoName.FIND_SERVICES: (frozenset({"near", "needs", "limit"}), VariableType.SERVICES),
    DoName.ON_DUTY: (frozenset({"desk"}), VariableType.FLAG),
    DoName.MAKE_CODE: (frozenset(), VariableType.CODE),
    DoName.REDEEM_CODE: (frozenset({"code"}), VariableType.FLAG),
    DoName.LATE_ANSWER: (frozenset({"wish", "until"}), None),
    DoName.HUSH: (frozenset(), None),
    DoName.ERASE: (frozenset(), None),
    DoName.CANCEL_HUMAN: (frozenset(), None),
    DoName.SPEAK: (frozenset({"language"}), VariableType.FLAG),
    DoName.CAN_REMIND: (frozenset(), VariableType.FLAG),
    DoName.FORGET_REMINDER: (frozenset(), None),
}
"""For each errand: the keys its `with` may have, and the type of the variable it saves to (None: it saves nothing)."""

FindVariable = Callable[[str, Path, tuple[VariableType, ...]], Variable | None]
"""Looks a variable up and complains at the path when it is not declared or of none of the types."""


def saved_by(name: DoName) -> VariableType | None:
    """The type of the variable an errand saves to; None when it saves nothing."""
    return _ERRANDS[name][1]


def compile_errand(name: DoName, written: dict[str, Any], find: FindVariable, complain: Complain) -> Errand:
    """Read the `with` of an errand; what is wrong goes to `complain`, below "with"."""
    for key in written:
        if key not in _ERRANDS[name][0]:
            complain(("with", key), "unknown-key", f"“{name}” không có “{key}”", f"'{name}' takes no '{key}'")
    if name is DoName.FIND_SERVICES:
        return _find_services(written, find, complain)
    if name is DoName.REDEEM_CODE:
        return Errand(name, variable=_variable(written, "code", VariableType.CODE, find, complain))
    if name is DoName.SPEAK:
        return Errand(name, variable=_variable(written, "language", VariableType.LANGUAGE, find, complain))
    if name is DoName.LATE_ANSWER:
        return _late_answer(written, find, complain)
    return Errand(name, desk=str(written.get("desk", "auto")))


def _find_services(written: dict[str, Any], find: FindVariable, complain: Complain) -> Errand:
    near = _variable(written, "near", VariableType.PLACE, find, complain)
    needs, limit = written.get("needs"), str(written.get("limit", "3"))
    if not isinstance(needs, list) or not needs or not all(isinstance(need, str) for need in needs):
        complain(("with", "needs"), "bad-value", "“needs” là danh sách nhu cầu", "'needs' is a list of needs")
        needs = []
    if limit not in ("1", "2", "3"):
        complain(("with", "limit"), "bad-value", "“limit” từ 1 đến 3", "'limit' is 1 to 3")
        limit = "3"
    return Errand(DoName.FIND_SERVICES, variable=near, needs=tuple(needs), limit=int(limit))


def _late_answer(written: dict[str, Any], find: FindVariable, complain: Complain) -> Errand:
    wish = str(written.get("wish"))
    if wish not in list(LateAnswer):
        allowed = ", ".join(LateAnswer)
        complain(("with", "wish"), "bad-value", f"“wish” là một trong: {allowed}", f"'wish' is one of: {allowed}")
        wish = LateAnswer.ONLY_NOW
    until = _variable(written, "until", VariableType.TIME, find, complain) if wish == LateAnswer.UNTIL else ""
    return Errand(DoName.LATE_ANSWER, variable=until, wish=LateAnswer(wish))


def _variable(written: dict[str, Any], key: str, wanted: VariableType, find: FindVariable, complain: Complain) -> str:
    name = written.get(key)
    if not isinstance(name, str):
        complain(("with", key), "missing-key", f"thiếu “{key}” (tên một biến)", f"'{key}' (a variable) is missing")
        return ""
    find(name, ("with", key), (wanted,))
    return name
