"""No place where people hide, and nothing else `staff_only`, reaches a seeker by any path (invariant 5 of the design).

The directory of these tests holds such places for every need, in every commune, nearest and open day and night, so that
every search would find them first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.shipped import content_files
from flows.effects import FindServices
from flows.rehearsal import run
from flows.transcripts import scripts
from handlers.answers import as_value, services_near
from handlers.directory import Directory, find
from handlers.directory_files import write_services
from handlers.hsds import to_hsds, without_secret
from handlers.rehearsal import REHEARSED_AT, RehearsalHost
from handlers.service import NEEDS, SECRET_KINDS, Disclosure, Service
from handlers.world import World
from tests.fakes.road import Road, shipped_world

MARK = "NƠIKÍN"  # stands in every field of a hidden place that could be said
TODAY = REHEARSED_AT.date()


def hidden(world: World) -> list[Service]:
    """One in each commune for all needs: a shelter, a safe house, a trusted address, a legal aid office for staff only …"""
    kinds = itertools.cycle([*sorted(SECRET_KINDS), "legal_aid", "hospital", "police"])
    return [
        Service(
            id=f"{MARK}-{code}", name=f"{MARK} tên", kind=kind, needs=NEEDS, hours="24/7", phones=("0000 000 000",),
            address=f"{MARK} đường", commune=code, commune_name=f"{MARK} xã", province=f"{MARK} tỉnh",
            point=world.gazetteer.centre(code), capacity=99, disclosure=Disclosure.STAFF_ONLY, verified_on=TODAY,
            verified_by=MARK, about=MARK, organization=MARK, source=MARK, email="kin@kin.vn", url=f"https://{MARK}",
        )
        for code, kind in zip(world.gazetteer.codes, kinds, strict=False)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    shipped = shipped_world()
    directory = Directory([*shipped.directory.services, *hidden(shipped)], shipped.directory.holidays)
    return replace(shipped, directory=directory)


@pytest.fixture
def road_with_hidden(world: World) -> Iterator[Road]:
    road = Road()
    road.worlds.replace(world)
    yield road
    road.close()


def test_the_trap_is_set(world: World) -> None:
    """Staff do find them, first of all: otherwise these tests would prove nothing."""
    found = find(world.directory, world.gazetteer, "03390", ["shelter"], REHEARSED_AT, staff=True)
    assert MARK in found[0].ranked.service.name


@pytest.mark.parametrize("need", sorted(NEEDS))
def test_no_search_of_a_flow_finds_one(world: World, need: str) -> None:
    for commune in ("", *world.gazetteer.codes):
        for limit in (1, 3, 50):
            told = services_near(world, FindServices(commune, (need,), limit), REHEARSED_AT)
            assert MARK not in str(told)
            assert MARK not in str(as_value(told))
            assert len(told) <= 3


def test_no_shipped_talk_says_one(world: World) -> None:
    host = RehearsalHost(world)
    turns = 0
    for script in scripts(content_files())[0]:
        for seen in run(world.library, script, host).seen:
            turns += 1
            assert MARK not in str(seen)
    assert turns > 300


def looks_for_everything(road: Road) -> None:
    """She looks for each kind of help the flows know."""
    road.types("an", "chào")
    for label in ("Có", "Bỏ qua", "Tìm nơi giúp", "Nơi khám bệnh"):
        road.presses("an", label)
    road.types("an", "binh lu")
    road.presses("an", "Có")
    for need in ("Chỗ ở tạm", "Công an", "Trợ giúp pháp lý"):
        road.presses("an", "Tìm chỗ khác")
        road.presses("an", need)


def test_neither_lines_nor_stored_session_nor_points_hold_one(road_with_hidden: Road) -> None:
    road = road_with_hidden
    looks_for_everything(road)
    assert len(road.got["an"]) > 8
    said = [(out.text, out.buttons, out.pins) for out in road.got["an"]]
    assert "mấy nơi ghi ở dưới" in str(said)
    assert MARK not in str(said)
    (uid,) = [row["uid"] for row in road.select("SELECT uid FROM cases")]
    lines = road.do(lambda uow: uow.lines.of_case(uid))
    assert len(lines) > 12
    assert MARK not in str([line.text for line in lines])
    (contact,) = [row["uid"] for row in road.select("SELECT uid FROM contacts")]
    assert MARK not in str(road.do(lambda uow: uow.contacts.get(contact).session))
    assert MARK not in str(road.do(lambda uow: uow.cases.get(uid).summary))


def test_a_public_service_does_bring_its_point_with_the_text_that_names_it(road: Road) -> None:
    looks_for_everything(road)
    with_pins = [outgoing for outgoing in road.got["an"] if outgoing.pins]
    (named,) = with_pins
    assert "Trung tâm Y tế Tam Đường" in named.text
    assert [pin.title for pin in named.pins] == ["Nơi số 1", "Nơi số 2", "Nơi số 3"]
    assert (named.pins[0].lat, named.pins[0].lon) == (22.32041, 103.63367)
    assert not any("Trung tâm" in pin.title + pin.note for pin in named.pins)


def test_what_is_written_out_for_others_holds_none(world: World) -> None:
    left = without_secret(world.directory.services)
    assert len(left) == 16
    assert MARK.encode() not in write_services(left) + to_hsds(left)
