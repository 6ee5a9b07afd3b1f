"""Structured conditions: what `when` may say, as a tree that can be checked, drawn and asked.

A condition is data, never an expression: nothing an author writes can run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from flows.effects import Value
from flows.schema import Variable, VariableType
from flows.source import Path

MAX_DEPTH = 8  # any, all, not inside one another


@dataclass(frozen=True, slots=True)
class OneOf:
    """The variable holds one of these values; one that holds several, at least one of them."""

    variable: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsSet:
    """The variable holds something (`wanted`), or nothing: never set, empty text, empty list."""

    variable: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class InRange:
    """The number (or how many services) lies in `low`..`high`; an empty variable never does, but a score counts as 0 then."""

    variable: str
    low: int | None
    high: int | None
    unset: int | None = None  # what counts when the variable was never set


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds (written `any`)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = "OneOf | IsSet | InRange | All | Some | Negated"

Complain: TypeAlias = Callable[[Path, str, str, str], None]
"""Called with the path below the condition, a code, the Vietnamese and the English message."""


def holds(condition: Condition, variables: Mapping[str, Value]) -> bool:
    """Is the condition true for these variables?"""
    if isinstance(condition, OneOf):
        value = variables.get(condition.variable)
        return any(one in condition.values for one in value) if isinstance(value, list) else value in condition.values
    if isinstance(condition, IsSet):
        return (variables.get(condition.variable) not in (None, "", [])) is condition.wanted
    if isinstance(condition, InRange):
        return _in_range(condition, variables.get(condition.variable, condition.unset))
    if isinstance(condition, All):
        return all(holds(part, variables) for part in condition.parts)
    if isinstance(condition, Some):
        return any(holds(part, variables) for part in condition.parts)
    return not holds(condition.part, variables)


def _in_range(condition: InRange, value: Value) -> bool:
    number = len(value) if isinstance(value, list) else value
    if not isinstance(number, int) or isinstance(number, bool):
        return False
    return (condition.low is None or number >= condition.low) and (condition.high is None or number <= condition.high)


def typed(text: str, variable: Variable) -> Value:
    """A value written in a flow, as the variable holds it. Raises ValueError when the variable cannot hold it."""
    kind = variable.type
    if kind in (VariableType.YES_NO, VariableType.FLAG):
        if text not in ("yes", "no"):
            raise ValueError("write yes or no")
        return text == "yes"
    if kind is VariableType.NUMBER:
        if not text.isascii() or not text.isdigit() or not variable.min <= int(text) <= variable.max:
            raise ValueError("not a number in range")
        return int(text)
    if kind in (VariableType.CHOICE, VariableType.CHOICES, VariableType.LANGUAGE) and text not in variable.values:
        raise ValueError("not one of the values")
    if kind is VariableType.AGE_BAND and text not in ("age_0_5", "age_6_12", "age_13_17", "age_18_59", "age_60"):
        raise ValueError("not an age band")
    if kind is VariableType.DATE:
        return date.fromisoformat(text).isoformat()
    if kind in (VariableType.SERVICES, VariableType.SCORE):
        raise ValueError("services and scores cannot be written")
    return text


def parse(written: Mapping[str, Any], variables: Mapping[str, Variable], complain: Complain) -> Condition | None:
    """Read a `when`; None when something is wrong, which `complain` has then been told."""
    return _mapping(written, variables, complain, ())


def _mapping(written: Any, variables: Mapping[str, Variable], complain: Complain, path: Path) -> Condition | None:
    if not isinstance(written, Mapping) or not written:
        complain(path, "bad-condition", "điều kiện phải có dạng {biến: giá trị}", "a condition reads {variable: value}")
        return None
    if len(path) > 2 * MAX_DEPTH:
        complain(path, "bad-condition", "điều kiện lồng nhau quá sâu", "conditions nested too deep")
        return None
    parts = [_entry(str(key), value, variables, complain, (*path, str(key))) for key, value in written.items()]
    kept = tuple(part for part in parts if part is not None)
    if len(kept) != len(parts):
        return None
    return kept[0] if len(kept) == 1 else All(kept)


def _entry(
    name: str, value: Any, variables: Mapping[str, Variable], complain: Complain, path: Path
) -> Condition | None:
    if name == "not":
        part = _mapping(value, variables, complain, path)
        return None if part is None else Negated(part)
    if name in ("any", "all"):
        if not isinstance(value, list) or not value:
            complain(
                path, "bad-condition", f"“{name}” cần một danh sách điều kiện", f"'{name}' needs a list of conditions"
            )
            return None
        parts = [_mapping(item, variables, complain, (*path, index)) for index, item in enumerate(value)]
        kept = tuple(part for part in parts if part is not None)
        if len(kept) != len(parts):
            return None
        return Some(kept) if name == "any" else All(kept)
    variable = variables.get(name)
    if variable is None:
        message = f"biến “{name}” chưa khai báo trong set.yaml"
        complain(path, "unknown-variable", message, f"variable '{name}' is not declared in set.yaml")
        return None
    return _test(name, value, variable, complain, path)


def _test(name: str, value: Any, variable: Variable, complain: Complain, path: Path) -> Condition | None:
    if value in ("set", "empty"):
        return IsSet(name, value == "set")
    if isinstance(value, Mapping):
        return _range(name, value, variable, complain, path)
    values = value if isinstance(value, list) else [value]
    try:
        if not values or not all(isinstance(item, str) for item in values):
            raise ValueError("texts only")
        return OneOf(name, tuple(typed(item, variable) for item in values))
    except ValueError:
        message = f"biến “{name}” ({variable.type}) không thể có giá trị này"
        complain(path, "bad-value", message, f"variable '{name}' ({variable.type}) cannot hold this value")
        return None


_COUNTED = (VariableType.NUMBER, VariableType.SERVICES, VariableType.SCORE, VariableType.CHOICES)


def _range(name: str, value: Mapping[str, Any], variable: Variable, complain: Complain, path: Path) -> Condition | None:
    bounds: dict[str, int] = {}
    for key, text in value.items():
        if key not in ("at_least", "at_most") or not str(text).isascii() or not str(text).isdigit():
            message = "dùng {at_least: số} hoặc {at_most: số}"
            complain((*path, key), "bad-condition", message, "use {at_least: number} or {at_most: number}")
            return None
        bounds[key] = int(text)
    if not bounds or variable.type not in _COUNTED:
        message = f"chỉ so sánh lớn nhỏ được với số; “{name}” là {variable.type}"
        complain(path, "bad-value", message, f"only numbers can be compared so; '{name}' is {variable.type}")
        return None
    unset = 0 if variable.type is VariableType.SCORE else None
    return InRange(name, bounds.get("at_least"), bounds.get("at_most"), unset)
