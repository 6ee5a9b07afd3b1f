"""What the pages need from the rest of the program, given once by the wiring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.channels.webchat import WebChat
from bot.looking import Standing
from bot.metrics import Metrics
from bot.web.hub import Hub
from flows.languages import Spoken
from handlers.arriving import KEPT_FOR
from handlers.desk import Desk
from handlers.directory import Directory
from handlers.errors import StorageUnavailable
from handlers.handoff import Handoff
from handlers.model import Address, Role
from handlers.ports import Door, Receive, Wakeups
from handlers.referring import Referring
from handlers.rules.places import Gazetteer
from handlers.rules.windows import ALWAYS_OPEN, ReplyWindow
from handlers.second_factors import OwnAccount
from handlers.staffing import Staffing


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """One national number as the pages show it, from `lines.yaml`."""

    label: str
    number: str  # as people read it, like "1900 969 680"

    @property
    def dial(self) -> str:
        """The number as a phone dials it: without spaces."""
        return "".join(self.number.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskHelp:
    """What the desk needs to find services and to send somebody on; directory and places as they are at the moment."""

    referring: Referring
    handoff: Handoff
    directory: Callable[[], Directory]
    gazetteer: Callable[[], Gazetteer]


async def nobody_looks() -> Standing:
    """Where the wiring gives nothing to look at."""
    raise StorageUnavailable


def unchanged(text: str) -> str:
    """The text itself: the default where the wiring gives no better name for a code."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDeps:
    """Everything the pages use. Frozen: the wiring makes it, nobody changes it."""

    door: Door
    wakeups: Wakeups
    receive: Receive
    desk: Desk
    help: DeskHelp
    staffing: Staffing
    hub: Hub  # also the sender's surface "desk"
    leave: Callable[[Address], Awaitable[None]]  # ends her stay on the server when she leaves by the exit
    page_key: bytes = field(repr=False)  # 32 bytes for form tokens and throttles; the same in every process
    numbers: Callable[
        [], tuple[ShownNumber, ...]
    ]  # the emergency numbers, shown first on the seeker page, in this order
    channel: WebChat = field(default_factory=WebChat)
    public_url: str = "http://127.0.0.1:8080"
    exit_url: str = "https://vi.wikipedia.org/wiki/Th%E1%BB%9Di_ti%E1%BA%BFt"
    operator: str = ""  # who runs this, and how to reach them; "" where the operator has not said
    contact: str = ""
    kept_days: int = KEPT_FOR.days  # after her last message everything of hers goes
    ledger_days: int = 365  # so long the audit log and what is left of a case keep a case code
    behind_proxy: bool = False  # believe the last X-Forwarded-For
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Ho_Chi_Minh"))
    place_name: Callable[[str], str] = unchanged  # commune code -> name
    why: Callable[[str], str] = unchanged  # "flow.step:choice" -> what staff read
    windows: Mapping[str, ReplyWindow] = field(default_factory=dict)  # by channel: until when it can be answered
    base_language: Callable[[], str] = lambda: "vi"  # the one the content is written in
    spoken: Callable[[str], Spoken | None] = lambda code: (
        None
    )  # a language of the content, None when it has no such one
    second_factor_for: frozenset[Role] = frozenset()  # who must show one
    account: OwnAccount = field(default_factory=OwnAccount)
    look: Callable[[], Awaitable[Standing]] = nobody_looks  # how the service stands, for status page and metrics
    metrics: Metrics = field(default_factory=Metrics)
    metrics_token: str = field(default="", repr=False)  # "": there is no /metrics
    poll_s: float = 25.0  # how long a waiting page is held
    after_post_s: float = 1.5  # how long an answer is awaited before a posted page is shown
    look_s: float = 2.0  # a waiting page looks at least this often, should a ring be lost

    def window(self, channel: str) -> ReplyWindow:
        """How long after her last line this channel can be answered."""
        return self.windows.get(channel, ALWAYS_OPEN)

    @property
    def https(self) -> bool:
        """Do browsers reach us over https?"""
        return self.public_url.startswith("https://")

    def needs_factor(self, roles: Collection[Role]) -> bool:
        """Must somebody with these roles show a second factor?"""
        return not self.second_factor_for.isdisjoint(roles)

    @property
    def origin(self) -> str:
        """scheme://host[:port] as browsers send it."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()


DEPS: web.AppKey[WebDeps] = web.AppKey("deps", WebDeps)
