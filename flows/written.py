"""What all files of a content set are written in: names, texts, labels, durations; and how strict they are."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_TEXT_CHARS = 2000  # one text of a step
MAX_LABEL_CHARS = 80  # one choice label
MAX_SILENCE = timedelta(hours=48)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Place = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=81)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS, strip_whitespace=True)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LABEL_CHARS, strip_whitespace=True)]
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _duration(value: object) -> object:
    """Read "90s", "10m" or "2h"; anything else is left for pydantic to refuse."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", str(value))
    if found is None:
        raise ValueError("duration")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def as_list(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=MAX_SILENCE)]
Texts = Annotated[list[Text], BeforeValidator(as_list), Field(min_length=1, max_length=10)]


class Written(BaseModel):
    """Base of everything written by hand: unknown keys are mistakes, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)
