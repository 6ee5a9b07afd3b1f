"""Marks an operation with its name, for failpoints and metrics; what an operation is stands in `ports`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def operation(name: str) -> Callable[[F], F]:
    """Name an operation: the door passes the failpoints `<name>.before_commit` and `<name>.after_commit` around its commit."""

    def mark(function: F) -> F:
        function.failpoint = name  # type: ignore[attr-defined]
        return function

    return mark
