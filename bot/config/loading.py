"""The whole configuration, and reading it from a file with every problem at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, ValidationError, field_validator

from bot.config.channels import PLATFORMS, ChannelConfig
from bot.config.parts import (
    AuditorConfig,
    DatabaseConfig,
    KeepingConfig,
    LogConfig,
    MediaConfig,
    MetricsConfig,
    OperatorConfig,
    PagerConfig,
    RedisConfig,
    StaffConfig,
    WebConfig,
)
from bot.config.secret import ConfigError
from bot.config.written import Written
from flows.source import parse


class Config(Written):
    """The whole configuration."""

    var: Path = Path("var")  # data, keys and secrets
    listen: Annotated[str, StringConstraints(pattern=r"^[^\s:]+:[0-9]{1,5}$")] = "127.0.0.1:8080"
    timezone: str = "Asia/Ho_Chi_Minh"
    keys_second: Path | None = None  # a folder on another disk, where copies of secrets and key store are kept
    roster: Path | None = None  # roster.yaml; without one everybody enabled is on duty by role
    places: Path | None = None  # a folder with another province's tables of places instead of the shipped one
    content: Path | None = None  # a content folder that the first start publishes instead of the shipped one
    database: DatabaseConfig = DatabaseConfig()
    redis: RedisConfig = RedisConfig()
    web: WebConfig = WebConfig()
    staff: StaffConfig = StaffConfig()
    operator: OperatorConfig = OperatorConfig()
    channels: list[ChannelConfig] = Field(default=[])
    pager: PagerConfig | None = None
    media: MediaConfig = MediaConfig()
    auditor: AuditorConfig = AuditorConfig()
    keeping: KeepingConfig = KeepingConfig()
    metrics: MetricsConfig = MetricsConfig()
    log: LogConfig = LogConfig()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone of the IANA list, for example Asia/Ho_Chi_Minh") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of shifts, hours and texts."""
        return ZoneInfo(self.timezone)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host, int(port)


_WORDS = {
    "extra_forbidden": "unknown key; see config.example.yaml for the known ones",
    "missing": "this key is needed here",
}


def load_config(path: Path | None) -> Config:
    """Read `path`; without one `config.yaml` when it is there, else the defaults. Raises ConfigError with every problem."""
    if path is None:
        default = Path("config.yaml")
        if not default.exists():
            return Config()
        path = default
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}); check the path"]) from None
    source = parse(str(path), content)
    if source.findings:
        raise ConfigError([finding.in_language("en") for finding in source.findings])
    if not isinstance(source.tree, dict):
        raise ConfigError([f"{path}:1:1: the file must hold keys like `listen: 127.0.0.1:8080`"])
    try:
        return _with_paths_from(Config.model_validate(source.tree, context={"folder": path.parent}), path.parent)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_input=False, include_url=False):
            path_in = _written_path(item["loc"])
            line, column = source.position(path_in)
            where = ".".join(str(part) for part in path_in)
            said = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
            problems.append(f"{path}:{line}:{column}: {where}: {said}")
        raise ConfigError(problems) from None


def _written_path(where: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place as written: without the platform's name, which stands between a channel and its keys when one is wrong."""
    inside = where[:1] == ("channels",) and where[2:3] and where[2] in PLATFORMS
    return (*where[:2], *where[3:]) if inside else where


def _with_paths_from(config: Config, folder: Path) -> Config:
    """Paths written in a configuration count from its own folder."""
    changes = {
        name: folder / value
        for name in ("var", "keys_second", "roster", "content", "places")
        if isinstance(value := getattr(config, name), Path) and not value.is_absolute()
    }
    heads = [folder / head for head in config.keeping.heads]  # an absolute one stays as it is
    kept = config.keeping.model_copy(update={"heads": heads})
    return config.model_copy(update={**changes, "keeping": kept})
