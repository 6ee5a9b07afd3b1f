"""HSDS files from elsewhere: read strictly, for staff only, and told of what we could not keep."""

from __future__ import annotations

import json

import pytest

from handlers.hsds import NotHsds, from_hsds, to_hsds, without_secret
from handlers.service import Disclosure, Status
from tests.fakes.road import shipped_world
from tests.unit.handlers.test_directory import CHECKED

GAZETTEER = shipped_world().gazetteer
UUID = "ac148810-d857-441c-9679-408f346de14b"


def foreign(**fields: object) -> dict[str, object]:
    return {
        "id": UUID,
        "name": "Phòng tư vấn",
        "status": "active",
        "organization": {"id": "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610", "name": "Hội A", "description": ""},
        "phones": [{"id": "1554f2e2-a373-45db-a3fa-9fc48a61c15e", "number": "0000 000 000"}],
        "schedules": [
            {"id": UUID, "freq": "WEEKLY", "byday": "MO,TU", "opens_at": "08:00", "closes_at": "17:00:00"},
        ],
        "service_at_locations": [
            {
                "id": UUID,
                "location": {
                    "id": "3a19ff88-4620-4d17-9830-ac1d859eb5d5",
                    "location_type": "physical",
                    "latitude": 22.3,
                    "longitude": 103.6,
                    "addresses": [
                        {
                            "id": UUID, "address_1": "số 1", "city": "xã Bình Lư", "state_province": "Lai Châu",
                            "postal_code": "", "country": "VN", "address_type": "physical",
                        }
                    ],
                },
            }
        ],
        **fields,
    }  # fmt: skip


def read(written: object, **how: object):
    return from_hsds(json.dumps(written).encode(), GAZETTEER, **{"kind": "social_work", **how})


def test_a_service_from_elsewhere_comes_in_for_staff_unverified_and_without_needs():
    ((found),) = read(foreign(assured_date="2026-11-01"))
    service = found.service
    assert (service.id, service.name, service.kind) == ("hsds-ac148810", "Phòng tư vấn", "social_work")
    assert (service.disclosure, service.verified_on, service.needs) == (Disclosure.STAFF_ONLY, None, frozenset())
    assert (service.commune, service.commune_name, service.province) == ("03390", "xã Bình Lư", "Lai Châu")
    assert (service.point, service.address, service.hours) == ((22.3, 103.6), "số 1", "Mo,Tu 08:00-17:00")
    assert (service.organization, service.hsds_service) == ("Hội A", UUID)
    assert service.source == f"HSDS {UUID}"
    assert found.lost == ()


def test_its_ids_lead_back_to_the_entry_it_is_here():
    (found,) = read([foreign()], known={UUID: "s7"})
    assert found.service.id == "s7"
    (again,) = from_hsds(to_hsds([found.service]), GAZETTEER)
    assert again.service == found.service
    assert json.loads(to_hsds([found.service]))["contents"][0]["id"] == UUID


@pytest.mark.parametrize("shape", [lambda one: one, lambda one: [one], lambda one: {"contents": [one]}])
def test_a_page_a_list_and_one_service_are_read_alike(shape):
    assert [one.service.name for one in read(shape(foreign()))] == ["Phòng tư vấn"]


def test_what_we_do_not_keep_is_named():
    (found,) = read(
        foreign(
            accreditations="x",
            minimum_age=12,
            attributes=[{"id": UUID, "link_type": "other", "value": "x"}],
            service_at_locations=[
                foreign()["service_at_locations"][0],
                {"id": UUID, "location": {"id": UUID, "location_type": "physical", "transportation": "bus"}},
            ],
        )
    )
    assert found.lost == (
        "accreditations",
        "minimum_age",
        "attributes of other taxonomies",
        "further locations or addresses",
    )


@pytest.mark.parametrize(
    "schedule",
    [
        {"freq": "MONTHLY", "byday": "1MO", "opens_at": "08:00", "closes_at": "09:00"},
        {"freq": "WEEKLY", "byday": "MO", "opens_at": "08:00", "closes_at": "09:00", "interval": 2},
        {"freq": "WEEKLY", "byday": "MO", "opens_at": "08:00", "closes_at": "09:00", "valid_to": "2020-01-01"},
        {"freq": "WEEKLY", "byday": "MO", "opens_at": "8h", "closes_at": "09:00"},
        {"freq": "WEEKLY", "opens_at": "08:00", "closes_at": "09:00"},
        {},
    ],
)
def test_hours_that_are_not_simply_weekly_are_unknown_rather_than_half_right(schedule):
    good = foreign()["schedules"]
    (found,) = read(foreign(schedules=[*good, {"id": UUID, **schedule}]))
    assert found.service.hours == ""
    assert found.lost == ("schedules that are not simply weekly",)


def test_day_and_night_is_read():
    always = {
        "id": UUID,
        "freq": "WEEKLY",
        "byday": "MO,TU,WE,TH,FR,SA,SU",
        "opens_at": "00:00Z",
        "closes_at": "24:00Z",
    }
    assert read(foreign(schedules=[always]))[0].service.hours == "24/7"


@pytest.mark.parametrize(
    ("status", "ours"),
    [("inactive", Status.PAUSED), ("defunct", Status.GONE), ("temporarily closed", Status.PAUSED)],
)
def test_status(status, ours):
    assert read(foreign(status=status))[0].service.status is ours


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (7, "neither a page"),
        ({"contents": {}}, "neither a page"),
        ([7], "must be an object"),
        (foreign(name=None), "without name"),
        (foreign(id="12"), "UUID"),
        (foreign(status="open"), "status must be one of"),
        (foreign(phones=[{"id": UUID}]), "phone without number"),
        (foreign(phones=[{"id": UUID, "number": "call me"}]), "phones"),
        (foreign(organization={"id": UUID}), "organization without name"),
        (foreign(capacities=[{"id": UUID, "unit": {}, "available": "x", "updated": "y"}]), "service_capacity"),
        ([foreign(), foreign()], "stands twice"),
    ],
)
def test_what_the_standard_requires_is_required(written, said):
    with pytest.raises(NotHsds, match=said):
        read(written)


def test_without_a_kind_the_operator_is_asked_for_one():
    with pytest.raises(NotHsds, match="--kind"):
        read(foreign(), kind="")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 200_000, b"{"])
def test_no_json_is_refused(content):
    with pytest.raises(NotHsds, match="no JSON"):
        from_hsds(content, GAZETTEER)


def test_a_foreign_file_cannot_make_a_shelter_public():
    public = {"id": UUID, "link_type": "binhan:disclosure", "value": "public"}
    kind = {"id": UUID, "link_type": "binhan:kind", "value": "shelter"}
    with pytest.raises(NotHsds, match="staff_only"):
        read(foreign(attributes=[public, kind]))


def test_what_only_staff_may_know_stays_out_of_a_file_for_others():
    secret = CHECKED.to_row() | {"id": "s2", "disclosure": "staff_only"}
    left = without_secret([CHECKED, type(CHECKED).from_row(secret)])
    assert left == [CHECKED]
