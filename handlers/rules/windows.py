"""How long after her last line a platform lets us answer. Pure; figures come from the configuration.

Some platforms let an account write only within a time after the person's last sign of life, and charge for the later part of
it. What is past the window is not sent: the platform would refuse it, and a counsellor must not believe that it arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWindow:
    """The window of one channel; without figures it never shuts."""

    free_for: timedelta | None = None  # answers cost nothing so long after her last line
    open_for: timedelta | None = None  # and are refused by the platform after this
    pays: bool = True  # answers between the two are sent, and billed

    def shuts_at(self, heard_at: datetime | None) -> datetime | None:
        """When the last answer may go out; None: never shuts. `heard_at` is her last line."""
        length = self.open_for if self.pays else min(filter(None, (self.free_for, self.open_for)), default=None)
        return None if length is None or heard_at is None else heard_at + length

    def free_until(self, heard_at: datetime | None) -> datetime | None:
        """Until when answers are free; None where the channel never charges."""
        return None if self.free_for is None or heard_at is None else heard_at + self.free_for

    def is_shut(self, heard_at: datetime | None, now: datetime) -> bool:
        """Would the platform refuse what is sent now?"""
        shuts_at = self.shuts_at(heard_at)
        return shuts_at is not None and now >= shuts_at


ALWAYS_OPEN = ReplyWindow()
