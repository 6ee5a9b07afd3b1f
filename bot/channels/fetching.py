"""Fetches a file of which a platform has told us the address: from that platform's own servers, and from nowhere else.

Whoever could make an event (or the platform, if it were careless with what people send) must not make us ask our own network.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.channels.sending import Caller
from handlers.errors import FetchLater

ZALOS_OWN = (".zdn.vn", ".zadn.vn", ".zalo.me", ".zaloapp.com")
FETCH_TIMEOUT_S = 20.0


def is_theirs(url: str, base_url: str) -> bool:
    """Is this an address on the platform's servers, over https (or where the operator's own gateway is)?"""
    try:
        found, ours = urlsplit(url), urlsplit(base_url)
        port, host = found.port, (found.hostname or "").lower()
    except ValueError:
        return False
    if found.username is not None or found.password is not None:
        return False
    if (found.scheme, host, port) == (ours.scheme, ours.hostname, ours.port):
        return True
    return found.scheme == "https" and port in (None, 443) and host.endswith(ZALOS_OWN)


async def fetch(caller: Caller, url: str, most: int, base_url: str) -> bytes | None:
    """See `ports.Fetches`; redirects are not followed."""
    if not is_theirs(url, base_url):
        return None
    answer = await caller.ask("GET", url, timeout_s=FETCH_TIMEOUT_S, most=most)
    if answer.error == "TooLong":
        return None
    if answer.error or answer.status >= 500 or answer.status == 429:
        raise FetchLater(answer.error or str(answer.status))
    return answer.content if answer.status == 200 and answer.content else None
