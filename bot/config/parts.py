"""Everything beside the channels: where data lie, how the pages answer, who is told, what is kept, what is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from bot.config.secret import ConfigError, SecretRef
from bot.config.written import Url, Written
from handlers.model import Role
from handlers.policies import Policy, policies_of

POSTGRES = ("postgresql://", "postgres://")


class DatabaseConfig(Written):
    """Where the data lies."""

    url: str = ""  # empty: SQLite in `var`
    password: SecretRef | None = None  # of PostgreSQL, apart from the address
    keys_url: str = (
        ""  # empty: the data keys are in `var`; else a PostgreSQL database of their own, for several machines
    )
    keys_password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:///", *POSTGRES)):
            raise ValueError("leave it empty, or write sqlite:///PATH or postgresql://USER@HOST/NAME")
        return _without_password(url)

    @field_validator("keys_url")
    @classmethod
    def _apart(cls, url: str, info: ValidationInfo) -> str:
        data = info.data.get("url", "")
        if url and not (url.startswith(POSTGRES) and data.startswith(POSTGRES)):
            raise ValueError(
                "leave it empty; only beside a PostgreSQL, write postgresql://USER@HOST/NAME of another database"
            )
        if url and url == data:
            raise ValueError("it must be another database than the data's: a backup of both would undo erasing")
        return _without_password(url)

    @property
    def shared(self) -> bool:
        """May several processes work on it?"""
        return self.url.startswith(POSTGRES)


class RedisConfig(Written):
    """What several processes tell each other through; only hints, nothing that may not be lost."""

    url: str = ""  # empty: none, which a single process does not need
    password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("leave it empty, or write redis://HOST:PORT/0, rediss://… or unix://PATH")
        return _without_password(url)


def _without_password(url: str) -> str:
    if url and urlsplit(url).password:
        raise ValueError("no password in an address: write `password: file:PATH` beside it")
    return url


class WebConfig(Written):
    """The seeker page and the desk page."""

    public_url: Url = "http://127.0.0.1:8080"  # what browsers call us; https decides the cookie's prefix
    exit_url: Url = (
        "https://vi.wikipedia.org/wiki/Th%E1%BB%9Di_ti%E1%BA%BFt"  # where the quick exit leads: neutral, quick
    )
    behind_proxy: bool = False  # trust the last X-Forwarded-For, from a proxy on this machine or in a private network
    drain_s: Annotated[float, Field(ge=0, le=60)] = 0.0  # told to stop, /readyz fails so long before the doors close


class StaffConfig(Written):
    """What staff must show to get in."""

    require_second_factor: list[Role] = Field(default=[])  # these roles; everybody else may


class OperatorConfig(Written):
    """Who runs this hotline, as the page about it says; where nothing is written, the page says so."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\n]*$")] = ""
    contact: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\n]*$")] = ""


class PagerConfig(Written):
    """A gateway of one's own that sends an SMS, or calls, for every page."""

    url: Url
    secret: SecretRef  # signs what we send
    proxy: str = ""


class MediaConfig(Written):
    """Pictures and voice notes that seekers send, shown to whoever talks with them."""

    from_seekers: bool = False
    max_mb: Annotated[int, Field(ge=1, le=20)] = 5  # a larger file is not fetched


class AuditorConfig(Written):
    """Where the auditor's alarms go. The addresses are secrets: whoever knows them can silence it."""

    alarm_url: SecretRef | None = None  # gets a POST with JSON; without one, alarms are lines in the log
    ping_url: SecretRef | None = None  # a dead-man switch: gets a GET every minute while all is well

    def read(self) -> tuple[str, str]:
        """Both addresses, "" where none is set; a ConfigError for one that cannot be read."""
        return self.alarm_url.read() if self.alarm_url else "", self.ping_url.read() if self.ping_url else ""


class KeepingConfig(Written):
    """How long things are kept, when what is due is removed, and where signed heads of the audit log are kept beside."""

    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "03:30"
    days: dict[str, Annotated[int, Field(strict=False)]] = Field(default={})  # kind -> days, see handlers/policies.py
    heads: list[Path] = Field(default=[])  # files, best on other disks, that get one line a day

    @field_validator("days")
    @classmethod
    def _within_bounds(cls, days: dict[str, int]) -> dict[str, int]:
        policies_of(days)
        return days

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The table of policies with these days."""
        return policies_of(self.days)


class MetricsConfig(Written):
    """Who may read `/metrics`: whoever has the token. Without one there is no such page."""

    token: SecretRef | None = None

    def read(self) -> str:
        """The token, "" where none is set; a ConfigError for one that cannot be read, or is too short to be a secret."""
        value = self.token.read() if self.token else ""
        if value and len(value) < 16:
            raise ConfigError(["metrics.token: at least 16 characters; make one with: openssl rand -hex 32"])
        return value


class LogConfig(Written):
    """Logs hold ids and counts, never people's text."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False
