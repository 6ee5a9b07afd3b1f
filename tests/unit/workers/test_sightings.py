"""Who was at the desk and is gone: only ever a hint, and silent while nobody knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from bot.workers.sightings import FORGOTTEN_AFTER_S, Sightings, nobody_knows


class Desk:
    """A desk and a clock in a test's hand."""

    def __init__(self) -> None:
        self.there: Collection[str] | None = ()
        self.now = 1000.0
        self.sightings = Sightings(lambda: self.there, lambda: self.now)

    def after(self, seconds: float, there: Collection[str] | None) -> dict[str, timedelta]:
        self.now, self.there = self.now + seconds, there
        return self.sightings.gone()


def test_gone_is_who_was_seen_and_is_not_there_any_more() -> None:
    desk = Desk()
    assert desk.after(0, {"mai", "an"}) == {}
    assert desk.after(5, {"mai"}) == {"an": timedelta(seconds=5)}
    assert desk.after(5, {"mai"}) == {"an": timedelta(seconds=10)}
    assert desk.after(5, {"mai", "an"}) == {}


def test_nobody_who_was_never_seen_is_missed() -> None:
    assert Desk().after(3600, ()) == {}
    assert Sightings(nobody_knows).gone() == {}


def test_while_nobody_knows_everybody_is_where_she_was() -> None:
    desk = Desk()
    desk.after(0, {"mai", "an"})
    assert desk.after(60, None) == {}, "without information nothing changes"
    assert desk.after(5, {"mai"}) == {"an": timedelta(seconds=5)}, "what was not known is no absence afterwards"


def test_somebody_who_left_for_good_is_forgotten() -> None:
    desk = Desk()
    desk.after(0, {"mai"})
    assert desk.after(FORGOTTEN_AFTER_S, ()) == {}
    assert desk.sightings._seen == {}
