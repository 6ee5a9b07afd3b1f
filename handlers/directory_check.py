"""What is wrong or missing in the directory, for whoever keeps it: one line each, with what to do next."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from handlers.directory import Directory
from handlers.rules.distance import distance_km
from handlers.rules.opening_hours import parse_hours
from handlers.rules.places import BORDER_SLACK_KM, Gazetteer
from handlers.service import PUBLIC_KINDS, Disclosure, Service

MOST_NAMED = 8  # communes or services named in one line
LONG_NUMBER = 8  # so many digits are no short number like 113


@dataclass(frozen=True, slots=True)
class DirectoryFinding:
    """One thing to mend: a code that never changes, what it is about, and the words."""

    code: str
    about: str  # a service's id, a need, or ""
    text: str

    def __str__(self) -> str:
        """As one line."""
        return f"{self.about or 'directory'}: {self.code}: {self.text}"


def check(
    directory: Directory, gazetteer: Gazetteer, asked_for: Collection[str], today: date
) -> list[DirectoryFinding]:
    """Every finding, services first. `asked_for`: the needs that flows look for services with."""
    found: list[DirectoryFinding] = []
    for service in directory.services:
        if service.working:
            found += _of_service(service, gazetteer, asked_for, today)
    shown = [service for service in directory.services if service.shown_to_seekers(today)]
    working = [service for service in directory.services if service.working]
    for need in sorted(asked_for):
        found += _of_need(need, [one for one in shown if need in one.needs], gazetteer)
    if "shelter" not in asked_for:  # never found by a flow, and staff must know of one all the same
        found += _of_need("shelter", [one for one in working if "shelter" in one.needs], gazetteer)
    for year in (today.year, today.year + 1):
        if directory.holidays and not any(day.year == year and day.month in (1, 2) for day in directory.holidays):
            found.append(
                DirectoryFinding("no-holidays", "", f"no public holiday of early {year} is listed in holidays.csv")
            )
    if not directory.holidays:
        found.append(DirectoryFinding("no-holidays", "", "no public holidays are listed; fill directory/holidays.csv"))
    return found


def _of_service(
    service: Service, gazetteer: Gazetteer, asked_for: Collection[str], today: date
) -> Iterator[DirectoryFinding]:
    def finding(code: str, text: str) -> DirectoryFinding:
        return DirectoryFinding(code, service.id, text)

    hidden = "it hides itself" if service.kind not in PUBLIC_KINDS else "its numbers are hidden"
    if service.verified_on is None:
        verify = f"directory set {service.id} --verified-by OFFICE"
        yield finding("unverified", f"nobody has checked it, so {hidden}; check it, then {verify}")
    elif not service.verified_at(today):
        yield finding("stale", f"checked last on {service.verified_on}, so {hidden}; check it again")
    yield from _of_where(service, gazetteer)
    if any(map(_lost_its_beginning, service.phones)):
        text = (
            "a number begins neither with 0 nor with +: a spreadsheet has eaten that, and nobody gets through; write it"
        )
        yield finding("phone-digits", f"{text} with blanks between")
    if not service.commune and service.point is None and service.kind != "hotline":
        yield finding("nowhere", "neither commune nor point: nobody can be told how far it is")
    if parse_hours(service.hours) is None:
        yield finding("no-hours", "opening hours are not known")
    if not service.needs:
        yield finding("no-needs", "it offers nothing that anybody looks for: fill needs")
    elif service.disclosure is Disclosure.PUBLIC and not service.needs & set(asked_for):
        needs = ", ".join(sorted(service.needs))
        yield finding("unreachable", f"no flow looks for {needs}, so no seeker is ever told of it")


def _of_where(service: Service, gazetteer: Gazetteer) -> Iterator[DirectoryFinding]:
    """Seekers read the commune's name, ranking uses its code and the point: the three must say the same."""
    code = service.commune
    if code not in gazetteer.codes:
        if code and service.province in {"", *gazetteer.provinces}:
            yield DirectoryFinding("unknown-commune", service.id, f"{code} is no commune of today")
        return
    if _plain(service.commune_name) != _plain(gazetteer.name(code)):
        text = "commune_name is not the name of the commune with this code, so a seeker reads a wrong place or none"
        yield DirectoryFinding("other-commune-name", service.id, f"{text}; mend whichever of the two is wrong")
    if service.point is not None:
        km = distance_km(*service.point, *gazetteer.centre(code))
        if km > gazetteer.unit(code).radius_km + BORDER_SLACK_KM:
            text = f"its point lies {km:.0f} km from the middle of its commune, outside of it; mend lat, lon or commune"
            yield DirectoryFinding("far-point", service.id, text)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _lost_its_beginning(phone: str) -> bool:
    """Numbers of the country begin with 0, or with 1 where all the country has one (1900 …), foreign ones with +."""
    return phone[:1] not in "01+" and sum(map(str.isdigit, phone)) >= LONG_NUMBER


def _of_need(need: str, services: Collection[Service], gazetteer: Gazetteer) -> Iterator[DirectoryFinding]:
    if not services:
        yield DirectoryFinding("no-service", need, "no service for this is shown to anybody")
        return
    hours = [parse_hours(service.hours) for service in services]
    if not any(one is not None and one.covers_night() for one in hours):
        unknown = sum(one is None for one in hours)
        text = "no service is known to be open all night (22:00 to 6:00)"
        yield DirectoryFinding("night-gap", need, f"{text}; hours of {unknown} are not known" if unknown else text)
    left = [code for code in gazetteer.codes if not any(service.serves(code) for service in services)]
    if left:
        named = ", ".join(gazetteer.name(code) for code in left[:MOST_NAMED])
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        yield DirectoryFinding("no-service-in-commune", need, f"no service says it takes people from {named}{more}")


def needs_asked_for(needs: Iterable[Iterable[str]]) -> frozenset[str]:
    """The needs of all the flows' searches together."""
    return frozenset(need for one in needs for need in one)
