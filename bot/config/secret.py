"""References to secrets: the configuration says where one lies, the program reads it when it is needed and shows it to nobody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationInfo

from handlers.errors import BinhAnError


class ConfigError(BinhAnError):
    """The configuration cannot be used."""

    code = "config"

    def __init__(self, problems: list[str]) -> None:
        """`problems` are lines `file:line:column: what, what next`."""
        self.problems = problems
        super().__init__("; ".join(problems))


_CREDENTIALS = "${CREDENTIALS_DIRECTORY}"


class Secret:
    """A reference to a secret; the value is read when needed and shown by nobody."""

    def __init__(self, reference: str, folder: Path = Path()) -> None:
        """`reference` is `file:PATH` or `env:NAME`; a ValueError otherwise. A path may begin with `${CREDENTIALS_DIRECTORY}`; a
        relative one counts from `folder`, that of the configuration, wherever the program is started.
        """
        kind, _, rest = reference.partition(":")
        if kind not in ("file", "env") or not rest:
            raise ValueError("write file:PATH or env:NAME, never the secret itself")
        self._kind, self._rest, self._folder = kind, rest, folder

    def read(self) -> str:
        """The secret; a ConfigError naming the reference when it is missing or empty."""
        if self._kind == "env":
            value = os.environ.get(self._rest, "")
        else:
            try:
                value = self._path().read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(
                    [f"secret file:{self._rest} cannot be read ({error.strerror}); {self._next()}"]
                ) from None
        if not value:
            raise ConfigError([f"secret {self._kind}:{self._rest} is empty; set it"])
        return value

    def _path(self) -> Path:
        """Where the file lies; `${CREDENTIALS_DIRECTORY}` at its beginning is where a service manager has put ours."""
        if not self._rest.startswith(_CREDENTIALS):
            return self._folder / self._rest
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            raise ConfigError(
                [f"secret file:{self._rest} is given by the service manager; start through it (docs/runbook.md)"]
            )
        return Path(folder + self._rest.removeprefix(_CREDENTIALS))

    def _next(self) -> str:
        """What to do about a file that is not there."""
        path = self._path()
        if path.exists():
            return "let the program's account read it"
        if path == Path(self._rest) or self._rest.startswith(_CREDENTIALS):
            return "create it"
        if Path(self._rest).exists():
            return (
                f"it counts from the configuration's folder, not from here: move it to {path}, or write its whole path"
            )
        return f"create it as {path}: it counts from the configuration's folder"

    def __repr__(self) -> str:
        """The reference, not the value."""
        return f"Secret({self._kind}:{self._rest})"


def _secret(value: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder", Path())
    return Secret(value, folder) if isinstance(value, str) else value


SecretRef = Annotated[Secret, BeforeValidator(_secret)]


def secrets_of(written: BaseModel) -> list[Secret]:
    """Every secret that a part of the configuration refers to."""
    return [value for name in type(written).model_fields if isinstance(value := getattr(written, name), Secret)]
