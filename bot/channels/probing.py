"""Is our own webhook reached from outside, and does it take what is proved and nothing else? Asked at its public address."""

from __future__ import annotations

from collections.abc import Mapping

from bot.channels.sending import Caller
from handlers.ports import Finding


async def probe(
    caller: Caller, url: str, body: bytes, proved: Mapping[str, str], forged: Mapping[str, str], *, by_hand: str = ""
) -> Finding:
    """Bring something that concerns nobody, once with the proof and once without. `by_hand`: what a human must see to."""
    good = await caller.ask("POST", url, data=body, headers=dict(proved))
    bad = await caller.ask("POST", url, data=body, headers=dict(forged))
    if (good.status, bad.status) == (200, 401):
        return Finding(True, f"{url} takes what is proved and nothing else{by_hand}")
    if good.error:
        return Finding(
            False, f"{url} cannot be reached from here ({good.error}); is `serve` running, and the proxy in front?"
        )
    return Finding(
        False,
        f"{url} answered {good.status} with the proof and {bad.status} without, not 200 and 401; check the proxy in front",
    )
