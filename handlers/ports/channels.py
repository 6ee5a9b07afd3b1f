"""What channels are, and what they need of us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from flows.platforms import Capabilities
from handlers.model import (
    Address,
    InboundMessage,
    Outcome,
    Outgoing,
    SendJob,
)
from handlers.rules.windows import ReplyWindow


class Alarms(Protocol):
    """What an operator must know at once: said in the log, at the desk, by `channels check` and through the pager."""

    async def sound(self, name: str, code: str) -> None:
        """Something is wrong with `name` (a channel); `code` is a word of `handlers.alarms`. Safe to repeat."""

    async def hush(self, name: str, code: str) -> None:
        """It is well again. Safe to repeat, and cheap while nothing was wrong."""


class Counters(Protocol):
    """How much of a month's allowance is used."""

    async def add(self, name: str, month: str, used: int) -> int:
        """So many more in this month ("YYYY-MM"); the sum, kept over restarts."""


class Vault(Protocol):
    """`VaultStore` for channels, each call a commit of its own."""

    async def get(self, name: str) -> str | None:
        """The secret, or None."""

    async def put(self, name: str, value: str) -> None:
        """Durable when it returns."""

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """The lease for so many seconds from now; see `VaultStore.take`."""

    async def give_back(self, name: str, holder: str) -> None:
        """Free again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing `channels check` has found out: `fine`, or what is wrong and what to do; `care`: it works as the operator wants
    it, and that has a danger. Never a secret, never a URL with one.
    """

    fine: bool
    words: str
    care: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What the platform made of one message. Never carries the platform's text, which may quote people or tokens."""

    outcome: Outcome
    retry_after: timedelta | None = None
    error_class: str = ""
    handles: tuple[str, ...] = ()  # how the platform calls what it has shown, where that can be taken away again


class Receive(Protocol):
    """Gives parsed, verified messages to `inbound.accept`."""

    async def __call__(self, *messages: InboundMessage) -> None:
        """Store these messages, in this order, all in one commit or none; returns after it, raises StorageUnavailable when
        nothing can be stored.
        """


class Channel(Protocol):
    """One configured account on a platform."""

    name: str
    capabilities: Capabilities
    secret_fields: frozenset[str]
    window: ReplyWindow  # how long after her last line the platform lets us answer

    async def send(self, address: Address, outgoing: Outgoing, key: str = "") -> SendResult:
        """Render within the capabilities and send; never raises for what a platform may answer. At most 10 s.

        `key` names this message over all tries: of one that was shown in several parts, those that arrived are not sent again.
        """

    async def run(self, receive: Receive) -> None:
        """Receive until cancelled (polling); returns at once for channels that only have a webhook."""

    async def check(self) -> list[Finding]:
        """Look the channel over for an operator: reachable, signed, within quota, its webhook pointing here. At most 20 s."""

    async def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class Fetches(Protocol):
    """A channel that can fetch pictures and voice notes that were sent on it."""

    async def fetch(self, source: str, most: int) -> bytes | None:
        """The file of an `Attachment`, at most so many bytes; None when it is too large, no longer there, or not the
        platform's. Raises FetchLater when the platform did not answer.
        """


class Surface(Protocol):
    """A way to reach a staff member with a content-free page."""

    name: str

    async def page(self, job: SendJob) -> SendResult:
        """Hand the page over; RETRY while nobody there has received it."""


class StaffLine(Protocol):
    """What staff write on a messenger where they are called."""

    async def take(self, address: Address, text: str) -> bool:
        """True when this was a staff member's word, and is dealt with; False when a seeker may have written it."""
