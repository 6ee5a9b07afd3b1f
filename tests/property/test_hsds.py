"""HSDS: whatever we hold goes out and comes back the same, and what goes out has everything the standard requires."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.directory_files import read_services, write_services
from handlers.hsds import REQUIRED, from_hsds, to_hsds
from handlers.rules.places import Gazetteer
from handlers.service import KINDS, NEEDS, SECRET_KINDS, TAKES, Cost, Disclosure, Service, Status

TABLES = Path(__file__).parents[2] / "handlers" / "rules" / "data"
GAZETTEER = Gazetteer.load({path.name: path.read_bytes() for path in TABLES.glob("*.csv")})

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(str.strip)
names = words.filter(bool)
uuids = st.one_of(st.just(""), st.uuids().map(str))
some = st.sampled_from
codes = some(["", "03390", "03408", "99999"])


@st.composite
def services(draw: st.DrawFn) -> Service:
    kind = draw(some(sorted(KINDS)))
    secret = kind in SECRET_KINDS or draw(st.booleans())
    free = draw(st.one_of(st.none(), st.integers(0, 99)))
    minutes = draw(st.integers(0, 500_000))
    return Service(
        id=draw(st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)),
        name=draw(names),
        kind=kind,
        needs=draw(st.frozensets(some(sorted(NEEDS)), max_size=3)),
        takes=draw(st.frozensets(some(sorted(TAKES)), max_size=3)),
        languages=draw(st.frozensets(some(["vi", "hmn", "tai"]))),
        hours=draw(some(["", "24/7", "Mo-Fr 07:30-11:30,13:30-17:00; PH off", "Mo-Su 21:00-07:00"])),
        phones=draw(some([(), ("0000 000 000",), ("111", "113")])),
        email=draw(some(["", "ten@noi.vn"])),
        url=draw(some(["", "https://noi.vn/x"])),
        address=draw(words),
        commune=draw(codes),
        commune_name=draw(words),
        province=draw(words),
        covers=draw(st.frozensets(some(["03390", "03408", "*"]))),
        point=draw(st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))),
        capacity=draw(st.one_of(st.none(), st.integers(0, 99))),
        free=free,
        free_at=None if free is None else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes),
        cost=draw(some(list(Cost))),
        about=draw(words),
        organization=draw(words),
        disclosure=Disclosure.STAFF_ONLY if secret else Disclosure.PUBLIC,
        status=draw(some(list(Status))),
        verified_on=draw(st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2030, 1, 1)))),
        verified_by=draw(words),
        source=draw(words),
        confidence=draw(some(["", "high", "low"])),
        point_source=draw(words),
        hsds_service=draw(uuids),
        hsds_organization=draw(uuids),
        hsds_location=draw(st.just("")),
    )


def objects(name: str, written: Any) -> list[tuple[str, dict[str, Any]]]:
    """Every object of a service with its kind, as HSDS names it."""
    inside = {
        "organization": "organization", "location": "location", "addresses": "address", "phones": "phone",
        "schedules": "schedule", "service_areas": "service_area", "service_at_locations": "service_at_location",
        "languages": "language", "cost_options": "cost_option", "attributes": "attribute",
        "taxonomy_term": "taxonomy_term", "capacities": "service_capacity", "unit": "unit",
    }  # fmt: skip
    found = [(name, written)]
    for field, value in written.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                found += objects(inside[field], one)
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(services(), max_size=4, unique_by=lambda one: one.id))
def test_what_we_hold_comes_back_the_same(held: list[Service]) -> None:
    back = from_hsds(to_hsds(held), GAZETTEER) if held else []
    assert [one.service for one in back] == sorted(held, key=lambda one: one.id)
    assert all(one.lost == () for one in back)


@settings(max_examples=80, deadline=None)
@given(services())
def test_everything_the_standard_requires_is_there(held: Service) -> None:
    page = json.loads(to_hsds([held]))
    ids = []
    for name, written in objects("service", page["contents"][0]):
        assert all(written.get(field) is not None for field in REQUIRED[name]), name
        if name not in ("taxonomy_term", "unit"):
            ids.append(written["id"])
    assert len(ids) == len(set(ids))
    assert to_hsds([held]) == to_hsds([held])


@settings(max_examples=80, deadline=None)
@given(st.lists(services(), max_size=4, unique_by=lambda one: one.id))
def test_a_csv_keeps_all_of_it_too(held: list[Service]) -> None:
    assert list(read_services(write_services(held))) == sorted(held, key=lambda one: one.id)
