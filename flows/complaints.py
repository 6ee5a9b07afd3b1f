"""What pydantic finds wrong with a written file, said in our own words and with our own codes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from flows import languages, schema
from flows.source import Path, Source

_SHAPES: dict[str, tuple[str, str]] = {
    "dict_type": ("các dòng “khoá: giá trị”", "'key: value' lines"),
    "model_type": ("các dòng “khoá: giá trị”", "'key: value' lines"),
    "model_attributes_type": ("các dòng “khoá: giá trị”", "'key: value' lines"),
    "list_type": ("một danh sách", "a list"),
    "string_type": ("một đoạn chữ", "a text"),
    "int_parsing": ("một số nguyên", "a whole number"),
    "int_type": ("một số nguyên", "a whole number"),
    "bool_parsing": ("yes hoặc no", "yes or no"),
    "bool_type": ("yes hoặc no", "yes or no"),
    "date_from_datetime_parsing": ("một ngày như 2026-11-23", "a date like 2026-11-23"),
    "date_type": ("một ngày như 2026-11-23", "a date like 2026-11-23"),
}

_NOT_WRITTEN = ("[key]", "step-name", "branch-list")  # what pydantic puts into paths besides what is written

_OWN: dict[str, tuple[str, str, str]] = {
    "duration": ("bad-duration", "viết thời gian như 30s, 10m hoặc 2h", "write a duration like 30s, 10m or 2h"),
    "choice-values": (
        "choice-values",
        "biến kiểu choice, choices cần “values”; các kiểu khác thì không",
        "a choice or choices variable needs 'values', no other type does",
    ),
    "shown-unknown": (
        "choice-values",
        "“shown” có giá trị không nằm trong “values”",
        "'shown' has a value that is not in 'values'",
    ),
    "min-above-max": ("bad-range", "“min” lớn hơn “max”", "'min' is above 'max'"),
    "thresholds-misplaced": (
        "bad-value",
        "“thresholds” chỉ dùng cho biến kiểu score",
        "'thresholds' belongs to a score variable only",
    ),
    "thresholds-order": (
        "bad-range",
        "mức nặng hơn phải cần điểm cao hơn",
        "a higher severity needs a higher threshold",
    ),
    "branch-shape": (
        "branch-shape",
        "mỗi nhánh là {when: …, goto: bước} hoặc {else: bước}",
        "a branch is {when: …, goto: step} or {else: step}",
    ),
}

_NAME_RULE = (
    "bad-name",
    "tên chỉ gồm chữ thường không dấu, số và dấu gạch dưới, bắt đầu bằng chữ",
    "a name has only lower-case letters without accents, digits and underscores, and begins with a letter",
)


def add_complaints(source: Source, error: ValidationError, under: Path = ()) -> None:
    """Add every mistake of a validation to the findings of its file; `under` is where the validated part stands."""
    for detail in error.errors(include_url=False):
        source.add(under + tuple(detail["loc"]), *_worded(detail))


def _worded(detail: ErrorDetails) -> tuple[str, str, str]:
    kind = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    key = next(
        (str(part) for part in reversed(detail["loc"]) if isinstance(part, str) and part not in _NOT_WRITTEN), ""
    )
    if kind == "extra_forbidden":
        return _unknown_key(key)
    if kind == "missing":
        return "missing-key", f"thiếu “{key}”", f"'{key}' is missing"
    if kind == "value_error":
        own = _OWN.get(str(context.get("error")))
        if own is not None:
            return own
    if kind == "string_pattern_mismatch":
        if "[key]" in detail["loc"] or "a-z_0-9" in str(context.get("pattern", "")).replace("a-z0-9_", "a-z_0-9"):
            return _NAME_RULE
        return "bad-value", f"“{key}” viết không đúng dạng", f"'{key}' is not written the right way"
    if kind in _SHAPES:
        shape, shape_en = _SHAPES[kind]
        return "wrong-shape", f"“{key}” phải là {shape}", f"'{key}' must be {shape_en}"
    return _bounds(kind, key, context) or ("bad-value", f"“{key}” có giá trị không đúng", f"'{key}': {detail['msg']}")


def _bounds(kind: str, key: str, context: Mapping[str, Any]) -> tuple[str, str, str] | None:
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", "")).replace(" or ", ", ").replace("'", "")
        return "bad-value", f"“{key}” phải là một trong: {expected}", f"'{key}' must be one of: {expected}"
    if kind == "string_too_long":
        most = context["max_length"]
        return "too-long", f"“{key}” dài quá {most} chữ cái", f"'{key}' is longer than {most} characters"
    if kind in ("string_too_short", "too_short"):
        return "empty", f"“{key}” đang trống", f"'{key}' is empty"
    if kind == "too_long":
        most = context["max_length"]
        return "too-many", f"“{key}” có hơn {most} mục", f"'{key}' has more than {most} entries"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return (
            "out-of-range",
            f"“{key}” nằm ngoài giới hạn cho phép",
            f"'{key}' is out of range: {kind.replace('_', ' ')}",
        )
    return None


def _unknown_key(key: str) -> tuple[str, str, str]:
    near = get_close_matches(key, _KEYS, n=1, cutoff=0.7)
    hint, hint_en = (f", có phải “{near[0]}”?", f", did you mean '{near[0]}'?") if near else ("", "")
    return "unknown-key", f"không có khoá “{key}” ở đây{hint}", f"there is no key '{key}' here{hint_en}"


def _all_keys() -> list[str]:
    written = [*vars(schema).values(), *vars(languages).values()]
    models = [value for value in written if isinstance(value, type) and issubclass(value, BaseModel)]
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})


_KEYS = _all_keys()
