"""What `config check` says of a configuration that can be used and that may still not be meant."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from bot.config import Config
from handlers.arriving import KEPT_FOR
from handlers.policies import CONTACTS, days_of


def notes(written: Config) -> Iterator[str]:
    """A line each, without "note: "."""
    kept = days_of(written.keeping.policies, CONTACTS)
    if kept != KEPT_FOR.days:
        yield (
            f"keeping.days.contacts is {kept}; the page /about says so, but flows that name {KEPT_FOR.days} days "
            "(welcome, privacy, rights, talk) need new words"
        )
    if not written.operator.name:
        yield "operator.name is empty, so the page /about says that nobody has given a name; write who runs this"
    if written.web.public_url.startswith("https://") and not written.web.behind_proxy:
        yield (
            "web.public_url is https, so a proxy stands in front, and web.behind_proxy is not set: all who sign in count as one "
            "place, and whoever guesses passwords keeps new phones of staff out; set it where your proxy writes X-Forwarded-For"
        )
    if written.web.behind_proxy and not _loopback(written.address[0]):
        yield (
            f"web.behind_proxy believes X-Forwarded-For from whoever reaches {written.listen} from a private network; listen on "
            "127.0.0.1, or see to it that nobody but the proxy can reach that address"
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
