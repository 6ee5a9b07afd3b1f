"""The auditor's own way out: an alarm to an address of the operator's, and a ping that stops when we do. No word of anybody.

Both addresses are secrets (whoever has them could silence us), so no error that might quote them is ever shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
import structlog

from handlers.watching import Finding

log = structlog.get_logger()

WITHIN_S = 10.0


class Alarm:
    """Sends alarms and pings; an empty address sends nothing."""

    def __init__(self, alarm_url: str = "", ping_url: str = "") -> None:
        """`alarm_url` gets a POST with JSON, `ping_url` a GET: a dead-man switch that rings when it hears nothing."""
        self._alarm_url, self._ping_url = alarm_url, ping_url
        self.alarm = "" if alarm_url else "none"  # what became of the last one: "arrived", "failed"; "none": no address
        self.ping_state = "" if ping_url else "none"

    @property
    def anywhere(self) -> bool:
        """Does an alarm reach anybody but the log?"""
        return bool(self._alarm_url)

    async def send(self, state: str, findings: Sequence[Finding]) -> bool:
        """Tell it; `state` is "alarm", "over" or "notice" (nothing is wrong yet). False when it has not arrived, and must be
        told again.
        """
        said = [{"code": one.code, "count": one.count, "oldest_s": one.oldest_s} for one in findings]
        log.error("auditor.alarm", state=state, findings=",".join(one.code for one in findings))
        if not self._alarm_url:
            return True
        arrived = await self._call("POST", self._alarm_url, {"service": "binhan", "state": state, "findings": said})
        self.alarm = "arrived" if arrived else "failed"
        return arrived

    async def ping(self) -> bool:
        """All is well, and we live. True when it has arrived somewhere."""
        if not self._ping_url:
            return False
        arrived = await self._call("GET", self._ping_url, None)
        self.ping_state = "arrived" if arrived else "failed"
        return arrived

    async def _call(self, method: str, url: str, content: object) -> bool:
        try:
            timeout = aiohttp.ClientTimeout(total=WITHIN_S)
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.request(method, url, json=content) as answer,
            ):
                if answer.status < 300:
                    return True
                log.error("auditor.not_told", status=answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.error("auditor.not_told", error=type(error).__name__)
        return False
