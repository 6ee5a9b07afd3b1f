"""What an operator writes in `config.yaml`, read strictly: unknown keys are refused with file, line and column.

Secrets stand in the configuration only as references (`file:PATH`, preferred, or `env:NAME`); their values are never printed.
Everything has a default, so that no file at all gives the embedded demo.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from flows.source import parse
from handlers.errors import BinhAnError
from handlers.model import Role
from handlers.policies import Policy, policies_of

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=300)]


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


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


POSTGRES = ("postgresql://", "postgres://")


class DatabaseConfig(_Written):
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


class RedisConfig(_Written):
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


class WebConfig(_Written):
    """The seeker page and the desk page."""

    public_url: Url = "http://127.0.0.1:8080"  # what browsers call us; https decides the cookie's prefix
    exit_url: Url = (
        "https://vi.wikipedia.org/wiki/Th%E1%BB%9Di_ti%E1%BA%BFt"  # where the quick exit leads: neutral, quick
    )
    behind_proxy: bool = False  # trust the last X-Forwarded-For, from a proxy on this machine or in a private network
    drain_s: Annotated[float, Field(ge=0, le=60)] = 0.0  # told to stop, /readyz fails so long before the doors close


class StaffConfig(_Written):
    """What staff must show to get in."""

    require_second_factor: list[Role] = []  # these roles; everybody else may


class StaffGroupConfig(_Written):
    """A Telegram group in which staff are called."""

    chat_id: Annotated[int, Field(lt=0)]
    relay_content: bool = False  # show what people write, in a topic for each case; the desk page is safer


class OperatorConfig(_Written):
    """Who runs this hotline, as the page about it says; where nothing is written, the page says so."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\n]*$")] = ""
    contact: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\n]*$")] = ""


class TelegramConfig(_Written):
    """One Telegram bot."""

    name: Name
    platform: Literal["telegram"]
    token: SecretRef
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretRef | None = None
    base_url: Url = "https://api.telegram.org"
    proxy: str = ""
    poll_timeout_s: Annotated[int, Field(ge=0, le=50)] = 25
    staff_group: StaffGroupConfig | None = None

    def model_post_init(self, context: object, /) -> None:
        """A webhook without a secret would let anybody write."""
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError("webhook mode needs webhook_secret")


Hours = Annotated[int, Field(ge=1, le=24 * 365)]


class ReplyWindowConfig(_Written):
    """How long after a person's last line the platform lets us answer."""

    free_h: Hours = 48  # free of charge so long
    shut_h: Hours = 168  # refused by the platform after this
    pay: bool = True  # answers between the two are sent, and billed

    def model_post_init(self, context: object, /) -> None:
        """Free time lies within the open time."""
        if self.free_h > self.shut_h:
            raise ValueError("free_h is longer than shut_h; the free time is the beginning of the open time")


class ZaloOaConfig(_Written):
    """One Zalo Official Account."""

    name: Name
    platform: Literal["zalo-oa"]
    app_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]
    oa_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,30}$")] = ""
    app_secret: SecretRef  # of the app: refreshes tokens
    webhook_secret: SecretRef  # the "OA secret key" of the webhook settings: signs events
    refresh_token: SecretRef  # the first one; later ones are kept by the program
    signature: Literal["", "app-body", "app-header", "oa-body", "oa-header"] = ""
    base_url: Url = "https://openapi.zalo.me"
    oauth_url: Url = "https://oauth.zaloapp.com"
    proxy: str = ""
    per_minute: Annotated[int, Field(ge=4, le=4000)] = 100
    window: ReplyWindowConfig = ReplyWindowConfig()


class ZaloBotConfig(_Written):
    """One bot of the Zalo Bot Platform."""

    name: Name
    platform: Literal["zalo-bot"]
    token: SecretRef
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretRef | None = None
    base_url: Url = "https://bot-api.zaloplatforms.com"
    proxy: str = ""
    poll_timeout_s: Annotated[int, Field(ge=0, le=50)] = 25
    monthly_messages: Annotated[int, Field(ge=0)] = 3000  # of the plan, in and out together; 0: not counted
    staff_pages: bool = False  # staff who bind their account here are called here too

    def model_post_init(self, context: object, /) -> None:
        """A webhook without a secret would let anybody write."""
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError("webhook mode needs webhook_secret")


CHANNELS = (TelegramConfig, ZaloOaConfig, ZaloBotConfig)
PLATFORMS = ("telegram", "zalo-oa", "zalo-bot")
ChannelConfig = Annotated[TelegramConfig | ZaloOaConfig | ZaloBotConfig, Field(discriminator="platform")]


class PagerConfig(_Written):
    """A gateway of one's own that sends an SMS, or calls, for every page."""

    url: Url
    secret: SecretRef  # signs what we send
    proxy: str = ""


class MediaConfig(_Written):
    """Pictures and voice notes that seekers send, shown to whoever talks with them."""

    from_seekers: bool = False
    max_mb: Annotated[int, Field(ge=1, le=20)] = 5  # a larger file is not fetched


class AuditorConfig(_Written):
    """Where the auditor's alarms go. The addresses are secrets: whoever knows them can silence it."""

    alarm_url: SecretRef | None = None  # gets a POST with JSON; without one, alarms are lines in the log
    ping_url: SecretRef | None = None  # a dead-man switch: gets a GET every minute while all is well

    def read(self) -> tuple[str, str]:
        """Both addresses, "" where none is set; a ConfigError for one that cannot be read."""
        return self.alarm_url.read() if self.alarm_url else "", self.ping_url.read() if self.ping_url else ""


class KeepingConfig(_Written):
    """How long things are kept, when what is due is removed, and where signed heads of the audit log are kept beside."""

    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "03:30"
    days: dict[str, Annotated[int, Field(strict=False)]] = {}  # kind -> days, see handlers/policies.py
    heads: list[Path] = []  # files, best on other disks, that get one line a day

    @field_validator("days")
    @classmethod
    def _within_bounds(cls, days: dict[str, int]) -> dict[str, int]:
        policies_of(days)
        return days

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The table of policies with these days."""
        return policies_of(self.days)


class MetricsConfig(_Written):
    """Who may read `/metrics`: whoever has the token. Without one there is no such page."""

    token: SecretRef | None = None

    def read(self) -> str:
        """The token, "" where none is set; a ConfigError for one that cannot be read, or is too short to be a secret."""
        value = self.token.read() if self.token else ""
        if value and len(value) < 16:
            raise ConfigError(["metrics.token: at least 16 characters; make one with: openssl rand -hex 32"])
        return value


class LogConfig(_Written):
    """Logs hold ids and counts, never people's text."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False


class Config(_Written):
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
    channels: list[ChannelConfig] = []
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


def secrets_of(written: BaseModel) -> list[Secret]:
    """Every secret that a part of the configuration refers to."""
    return [value for name in type(written).model_fields if isinstance(value := getattr(written, name), Secret)]


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
