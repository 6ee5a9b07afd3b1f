"""What a seeker reads about services: where, how far and how sure, whether it is open, what to say, what it costs, what else.

All of it is made of the content's phrases; nothing `staff_only` can come here, because `directory.find` leaves it out and
`describe` refuses it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from handlers.directory import MOST_OFFERS, Offer
from handlers.rules.places_text import word_set
from handlers.service import SECRET_KINDS, Cost, Disclosure, Service

WORDS_FOR = ("sexual_violence_care", "medical", "police", "legal")
"""Needs with words of their own to say at the counter or on the phone, the most telling first; `other` for all else."""
LANGUAGES = word_set("hmn tai ium hni pcc lhu khb")
"""Languages of the province beside Vietnamese for which the content has a name (ISO 639-3)."""
_COSTS = {Cost.FREE: "service_cost_free", Cost.INSURANCE: "service_cost_insurance", Cost.PAID: "service_cost_paid"}


class Say(Protocol):
    """Speaks a phrase of the content set (`Library.say`)."""

    def __call__(self, phrase_key: str, /, **values: str) -> str:
        """The phrase with its placeholders filled."""


class NotForHer(AssertionError):
    """A service that only staff may know of was about to be told to a seeker: a mistake of the program."""


@dataclass(frozen=True, slots=True)
class Told:
    """One offer in words, and the point for a map where there is a real one."""

    id: str
    name: str
    text: str
    point: tuple[float, float] | None


def describe(offers: Sequence[Offer], needs: Collection[str], say: Say) -> list[Told]:
    """The offers in plain words, numbered, at most `MOST_OFFERS`; what holds for all of them follows the last.

    Raises:
        NotForHer: an offer is for staff only.
    """
    offers = offers[:MOST_OFFERS]
    for offer in offers:
        service = offer.ranked.service
        if service.disclosure is not Disclosure.PUBLIC or service.kind in SECRET_KINDS:
            raise NotForHer
    told = [_told(number, one, say, several=len(offers) > 1) for number, one in enumerate(offers, start=1)]
    if told:
        last = told[-1]
        told[-1] = Told(last.id, last.name, "\n\n".join((last.text, _for_all(offers, needs, say))), last.point)
    return told


def about_km(road_km: float) -> int:
    """An estimated distance said honestly: whole kilometres when short, steps of five beyond ten."""
    return max(1, round(road_km)) if road_km < 10 else 5 * round(road_km / 5)


def about_minutes(minutes: float) -> int:
    """A travel time said honestly: in steps of five minutes, at least five."""
    return max(5, 5 * round(minutes / 5))


def _told(number: int, offer: Offer, say: Say, *, several: bool) -> Told:
    service = offer.ranked.service
    where = [service.name, service.commune_name, f"tỉnh {offer.elsewhere}" if offer.elsewhere else ""]
    first = ", ".join(part for part in where if part)
    if several:
        first = f"{number}. {first}"
    if offer.phones:
        first = f"{first}: {', '.join(offer.phones)}"
    lines = [first]
    if service.address:
        lines.append(say("service_address", address=service.address))
    lines.append(", ".join(_facts(offer, say)))
    return Told(service.id, service.name, "\n".join(lines), service.point)


def _facts(offer: Offer, say: Say) -> list[str]:
    service, ranked = offer.ranked.service, offer.ranked
    said: list[str] = []
    if offer.same_commune:
        said.append(say("service_same_commune"))
    elif ranked.measured and ranked.minutes is not None:
        said.append(say("service_about_minutes", minutes=str(about_minutes(ranked.minutes))))
    elif ranked.road_km is not None:
        said.append(say("service_about_km", km=str(about_km(ranked.road_km))))
    said.append(say(_hours_phrase(offer)))
    if offer.verified:
        if service.takes:
            whom = ", ".join(say(f"service_takes_{one}") for one in sorted(service.takes))
            said.append(say("service_takes", whom=whom))
        spoken = [say(f"service_language_{one}") for one in sorted(service.languages & LANGUAGES)]
        if spoken:
            said.append(say("service_speaks", languages=", ".join(spoken)))
        if service.cost in _COSTS:
            said.append(say(_COSTS[service.cost]))
    else:
        said.append(say("service_unverified"))
    return said


def _for_all(offers: Sequence[Offer], needs: Collection[str], say: Say) -> str:
    """How sure the way is, what to say, what to ask about money, and what to do when nobody answers."""
    lines = []
    if any(one.ranked.road_km is not None and not one.same_commune and not one.ranked.measured for one in offers):
        lines.append(say("service_estimated"))
    words = say(f"service_words_{next((need for need in WORDS_FOR if need in needs), 'other')}")
    lines.append(say("service_say_phone" if any(one.phones for one in offers) else "service_say_there", words=words))
    if any(not one.verified or one.ranked.service.cost is Cost.UNKNOWN for one in offers):
        lines.append(say("service_cost_ask"))
    lines.append(say("service_nobody"))
    return "\n".join(lines)


def _hours_phrase(offer: Offer) -> str:
    service: Service = offer.ranked.service
    if offer.full:
        return "service_full"
    if service.always_open:
        return "service_hours_247"
    return {True: "service_open", False: "service_closed", None: "service_hours_unknown"}[offer.ranked.open]
