"""Frozen records made and copied on the message path: what `dataclasses` does, at a quarter of its price.

A frozen dataclass sets each field through `object.__setattr__`, looked up by name. Here a function is written for each kind of
record once, as `dataclasses` itself does, that puts the values straight into their slots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

R = TypeVar("R")
_Setter = Callable[[Any, Any], None]
_plans: dict[type, tuple[Callable[[Any], Any], dict[str, _Setter]]] = {}


def evolve(record: R, **changes: Any) -> R:
    """The same record with these fields changed. Only for slotted dataclasses that check nothing when they are made
    (TypeError); an unknown field is a TypeError too.
    """
    kind = type(record)
    plan = _plans.get(kind)
    if plan is None:
        plan = _plans[kind] = _plan(kind)
    copy, setters = plan
    fresh: R = copy(record)
    for name, value in changes.items():
        if name not in setters:
            raise TypeError(f"{kind.__name__} has no field {name!r}")
        setters[name](fresh, value)
    return fresh


def maker(kind: type[R], names: Sequence[str]) -> Callable[[Sequence[Any], Mapping[str, Any]], R]:
    """What makes such a record of a row that begins with the values of `names`, and of the other fields by name. A field that
    is given neither way has its default; TypeError for kinds as above, and for a field that nobody gives.
    """
    setters = _setters(kind)
    others = [one for one in fields(kind) if one.name not in names]  # type: ignore[arg-type]  # `_setters` has checked it
    rest = [(one.name, setters[one.name], _default(one)) for one in others]
    fill = _written(kind, [(setters[name], f"given[{place}]") for place, name in enumerate(names)])

    def make(row: Sequence[Any], more: Mapping[str, Any]) -> R:
        fresh: R = fill(row)
        for name, put, default in rest:
            put(fresh, more[name] if name in more else default(name))
        return fresh

    return make


def _default(one: Field[Any]) -> Callable[[str], Any]:
    if one.default_factory is not MISSING:
        factory = one.default_factory
        return lambda _: factory()
    if one.default is not MISSING:
        return lambda _: one.default
    return _not_given


def _not_given(name: str) -> Any:
    raise TypeError(f"no value for {name!r}")


def _plan(kind: type) -> tuple[Callable[[Any], Any], dict[str, _Setter]]:
    setters = _setters(kind)
    return _written(kind, [(put, f"given.{name}") for name, put in setters.items()]), setters


def _setters(kind: type) -> dict[str, _Setter]:
    if hasattr(kind, "__post_init__") or not hasattr(kind, "__slots__"):
        raise TypeError(f"{kind.__name__} must be made and copied by itself, or with dataclasses.replace")
    return {one.name: getattr(kind, one.name).__set__ for one in fields(kind)}


def _written(kind: type, parts: Sequence[tuple[_Setter, str]]) -> Callable[[Any], Any]:
    """A function that makes a record of what it is given: `parts` say what goes into which slot, in the program's own words."""
    lines = ["def fill(given):", "    fresh = new(kind)"]
    lines += [f"    put{place}(fresh, {value})" for place, (_, value) in enumerate(parts)]
    names: dict[str, Any] = {"new": object.__new__, "kind": kind}
    names |= {f"put{place}": put for place, (put, _) in enumerate(parts)}
    exec("\n".join([*lines, "    return fresh"]), names)  # noqa: S102 (field names of our own classes, nothing from outside)
    filled: Callable[[Any], Any] = names["fill"]
    return filled
