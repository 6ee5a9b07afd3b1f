"""The pager: every page as a small signed POST to a gateway of the operator's, which sends an SMS or calls.

It holds no word of a talk: a case code, how urgent, whom to call by sign-in name, for how long somebody has waited. The gateway
answers 2xx once it has taken it; anything else is tried again for as long as the page is open.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.channels.pages import words
from bot.channels.sending import Answer, Caller
from handlers import paging
from handlers.model import Outcome, SendJob
from handlers.ports import Finding, SendResult

KINDS = {
    paging.CALLS: "call", paging.OWED: "reminder", paging.WAITS: "waiting", paging.OFFERED: "offered",
    paging.LEAVES: "leaving", paging.ALONE: "leaving",
}  # fmt: skip


class Pager:
    """The staff surface `pager` (a `handlers.ports.Surface`)."""

    name = paging.PAGER

    def __init__(
        self, url: str, secret: str, *, proxy: str = "", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """`secret` signs every body (HMAC-SHA-256), so that the gateway takes calls from nobody else."""
        self._url, self._secret, self._clock = url, secret.encode(), clock
        self._caller = Caller(proxy=proxy)

    async def page(self, job: SendJob) -> SendResult:
        """Hand one page to the gateway."""
        now = self._clock()
        waited = int((now - job.waiting_since).total_seconds()) if job.waiting_since else 0
        alarm = job.row.note.startswith(paging.ALARM)
        answer = await self._post(
            {
                "id": job.row.uid,
                "kind": "alarm" if alarm else KINDS.get(job.row.note, "notice"),
                "staff": job.staff_name,
                "case": job.case_code,
                "severity": job.severity.value if job.case_code else "",
                "epoch": job.row.epoch or 0,
                "waiting_s": max(0, waited),
                "text": words(job, now),
            }
        )
        if 200 <= answer.status < 300:
            return SendResult(outcome=Outcome.SENT)
        return SendResult(outcome=Outcome.RETRY, error_class=answer.error or f"Status{answer.status}")

    async def check(self) -> list[Finding]:
        """Does the gateway take a signed test? (`kind` is "test": it calls nobody.)"""
        test = {"id": "test", "kind": "test", "staff": "", "case": "", "severity": "", "epoch": 0, "waiting_s": 0}
        answer = await self._post({**test, "text": "Thử, không phải ca thật."})
        if 200 <= answer.status < 300:
            return [Finding(True, "the gateway takes what we sign")]
        return [Finding(False, f"the gateway does not take it ({answer.error or answer.status}); check url and secret")]

    async def _post(self, content: dict[str, Any]) -> Answer:
        body = json.dumps(content, ensure_ascii=False).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Binhan-Signature": f"sha256={signature}",
            "Idempotency-Key": str(content["id"]),
        }
        return await self._caller.ask("POST", self._url, data=body, headers=headers)

    async def close(self) -> None:
        """Give back connections."""
        await self._caller.close()
