"""The host that transcripts talk to: the real screening, places and services, without a store. Deterministic."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flows.effects import (
    AskCanRemind,
    AskOnDuty,
    FindServices,
    MakeReturnCode,
    PlaceAnswer,
    Question,
    RedeemReturnCode,
    ResolvePlace,
    Value,
)
from flows.severity import Severity
from handlers.answers import as_value, services_near
from handlers.world import World

REHEARSED_AT = datetime(2026, 11, 23, 2, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
"""Rehearsals happen at two in the morning: the hour the service is for. Fixed, so that opening hours do not change a test."""

REHEARSED_CODE = "0123 4567 8901"


class RehearsalHost:
    """Answers a transcript's questions as the service would at `REHEARSED_AT`."""

    def __init__(self, world: World) -> None:
        """`world` holds the content under test."""
        self._world = world

    def screen(self, text: str) -> tuple[Severity, str, tuple[str, ...]]:
        """See `flows.transcripts.Host`."""
        verdict = self._world.screening.read(text)
        return verdict.severity, verdict.category, verdict.asks

    def answer(self, question: Question) -> Value | PlaceAnswer:
        """See `flows.transcripts.Host`."""
        match question:
            case ResolvePlace():
                return self._world.gazetteer.resolve(question.text)
            case FindServices():
                return as_value(services_near(self._world, question, REHEARSED_AT))
            case AskOnDuty() | AskCanRemind():
                return True
            case MakeReturnCode():
                return REHEARSED_CODE
            case RedeemReturnCode():
                return question.code.replace(" ", "") == REHEARSED_CODE.replace(" ", "")

    def near(self, commune: str) -> PlaceAnswer:
        """See `flows.transcripts.Host`."""
        return self._world.gazetteer.nearest_communes(*self._world.gazetteer.centre(commune))
