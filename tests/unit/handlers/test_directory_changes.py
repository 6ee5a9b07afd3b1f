"""Changing the directory: the difference, what voids a check, who may, and what the audit log keeps of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from handlers import audit
from handlers import directory_changes as changes
from handlers.directory import Directory
from handlers.directory_changes import (
    DirectoryOvertaken,
    Import,
    NoSuchColumn,
    NoSuchService,
    SetField,
    SetFree,
    Verify,
    WrongValue,
    difference,
)
from handlers.directory_check import check
from handlers.errors import NotAllowed
from handlers.model import Role
from handlers.service import Cost, Disclosure, Service, Status
from tests.fakes.road import Road, shipped_world
from tests.unit.handlers.test_directory import CHECKED, TODAY

GAZETTEER = shipped_world().gazetteer


class TestDifference:
    def test_new_changed_unchanged_and_kept(self):
        there = [CHECKED, replace(CHECKED, id="s2"), replace(CHECKED, id="s3")]
        found = difference(there, [CHECKED, replace(CHECKED, id="s2", about="gọi trước"), replace(CHECKED, id="s4")])
        assert [service.id for service in found.added] == ["s4"]
        assert [(one.service_id, one.columns) for one in found.changed] == [("s2", {"about": ("", "gọi trước")})]
        assert (found.unchanged, found.kept) == (1, ("s3",))
        assert [row["id"] for row in found.rows] == ["s2", "s4"]

    def test_the_same_again_is_nothing(self):
        assert difference([CHECKED], [CHECKED]).empty

    @pytest.mark.parametrize(
        "change",
        [{"phones": ("111",)}, {"hours": "24/7"}, {"cost": Cost.FREE}, {"address": "x"}, {"point": (22.0, 103.0)}],
    )
    def test_a_check_does_not_vouch_for_new_words(self, change):
        found = difference([CHECKED], [replace(CHECKED, **change)])
        assert found.changed[0].unproven
        assert found.rows[0]["verified_on"] == found.rows[0]["verified_by"] == ""

    def test_a_newer_check_vouches_for_them(self):
        newer = replace(CHECKED, phones=("111",), verified_on=CHECKED.verified_on + timedelta(days=1))
        found = difference([CHECKED], [newer])
        assert not found.changed[0].unproven
        assert found.rows[0]["verified_on"] == "2026-11-02"

    def test_an_older_check_of_an_older_file_does_not(self):
        older = replace(CHECKED, phones=("111",), verified_on=CHECKED.verified_on - timedelta(days=1))
        found = difference([CHECKED], [older])
        assert found.changed[0].unproven
        assert found.rows[0]["verified_on"] == found.rows[0]["verified_by"] == ""

    def test_words_for_staff_leave_the_check_alone(self):
        assert not difference([CHECKED], [replace(CHECKED, about="x", capacity=9)]).changed[0].unproven


@pytest.fixture
def stored(road: Road) -> Road:
    road.do(lambda uow: uow.services.replace([CHECKED.to_row(), replace(CHECKED, id="s2", capacity=None).to_row()]))
    return road


def service(road: Road, service_id: str = "s1") -> Service:
    row = road.do(lambda uow: uow.services.get(service_id))
    return Service.from_row(row)


def logged(road: Road, action: str) -> list[dict]:
    rows = road.select("SELECT * FROM audit_log ORDER BY seq")
    return [row for row in rows if row["action"] == action]


class TestOperations:
    def test_an_import_writes_and_deletes_nothing(self, stored):
        revision = stored.do(lambda uow: uow.services.revision())
        rows = (replace(CHECKED, id="s3").to_row(),)
        assert stored.run(changes.import_services, Import(rows=rows, revision=revision, by="Mai")) == 1
        assert [row["id"] for row in stored.do(lambda uow: uow.services.all())] == ["s1", "s2", "s3"]
        (row,) = logged(stored, audit.SERVICE_IMPORTED)
        assert (row["actor"], row["object"]) == ("command line: Mai", "s3")

    def test_an_import_of_what_was_shown_before_somebody_else_changed_it_is_refused(self, stored):
        revision = stored.do(lambda uow: uow.services.revision())
        stored.run(changes.set_field, SetField(service_id="s1", column="about", value="x", by="An"))
        with pytest.raises(DirectoryOvertaken):
            stored.run(changes.import_services, Import(rows=(), revision=revision, by="Mai"))

    def test_an_import_of_a_check_that_has_not_been_yet_is_refused(self, stored):
        revision = stored.do(lambda uow: uow.services.revision())
        rows = (CHECKED.to_row(), replace(CHECKED, id="s3", verified_on=date(2999, 1, 1)).to_row())
        with pytest.raises(WrongValue, match="s3"):
            stored.run(changes.import_services, Import(rows=rows, revision=revision, by="Mai"))
        assert stored.do(lambda uow: uow.services.get("s3")) is None

    def test_setting_a_number_voids_the_check_and_says_so(self, stored):
        changed = stored.run(changes.set_field, SetField(service_id="s1", column="phones", value="111|113", by="Mai"))
        assert changed.unproven
        assert (service(stored).phones, service(stored).verified_on) == (("111", "113"), None)
        (row,) = logged(stored, audit.SERVICE_CHANGED)
        assert "111" not in row["detail"]
        assert "phones" in row["detail"]

    def test_setting_what_is_there_changes_and_logs_nothing(self, stored):
        assert not stored.run(
            changes.set_field, SetField(service_id="s1", column="hours", value=CHECKED.hours, by="M")
        ).columns
        assert not logged(stored, audit.SERVICE_CHANGED)

    @pytest.mark.parametrize(
        ("item", "error"),
        [
            (SetField(service_id="s9", column="hours", value="", by="M"), NoSuchService),
            (SetField(service_id="s1", column="colour", value="", by="M"), NoSuchColumn),
            (SetField(service_id="s1", column="id", value="s5", by="M"), NoSuchColumn),
            (SetField(service_id="s1", column="hours", value="often", by="M"), WrongValue),
            (SetField(service_id="s1", column="kind", value="shelter", by="M"), WrongValue),
            (SetField(service_id="s1", column="verified_on", value="2999-01-01", by="M"), WrongValue),
            (SetField(service_id="s1", column="free", value="5", by="M"), WrongValue),  # of four
        ],
    )
    def test_what_cannot_be_is_refused(self, stored, item, error):
        with pytest.raises(error):
            stored.run(changes.set_field, item)
        assert service(stored) == CHECKED

    def test_checking_again_is_one_step(self, stored):
        today = stored.now.date()
        item = Verify(service_ids=("s1", "s2"), on=today, office="Sở Y tế", by="Mai")
        assert stored.run(changes.verify, item) == 2
        assert (service(stored).verified_on, service(stored).verified_by) == (today, "Sở Y tế")

    @pytest.mark.parametrize("change", [{"office": " "}, {"on": date(2999, 1, 1)}])
    def test_a_check_needs_an_office_and_a_day_that_has_been(self, stored, change):
        fields = {"service_ids": ("s1",), "on": TODAY, "office": "Sở", "by": "M"} | change
        with pytest.raises(WrongValue):
            stored.run(changes.verify, Verify(**fields))

    def test_at_the_desk_only_an_editor_says_that_something_was_checked(self, stored):
        editor, counsellor = stored.hire("an", Role.EDITOR), stored.hire("binh", Role.COUNSELLOR)
        item = Verify(service_ids=("s1",), on=stored.now.date(), office="Sở", staff_uid=counsellor.uid)
        with pytest.raises(NotAllowed):
            stored.run(changes.verify, item)
        assert stored.run(changes.verify, replace(item, staff_uid=editor.uid)) == 1
        assert logged(stored, audit.SERVICE_VERIFIED)[0]["actor"] == editor.uid

    def test_how_many_places_are_free_is_one_tap_with_its_moment(self, stored):
        counsellor = stored.hire("binh", Role.COUNSELLOR)
        stored.run(changes.set_free, SetFree(staff_uid=counsellor.uid, service_id="s1", free=0))
        assert (service(stored).free, service(stored).free_at) == (0, stored.now)
        assert service(stored).verified_on == CHECKED.verified_on
        stored.run(changes.set_free, SetFree(staff_uid=counsellor.uid, service_id="s1", free=4))
        with pytest.raises(WrongValue):
            stored.run(changes.set_free, SetFree(staff_uid=counsellor.uid, service_id="s1", free=5))

    def test_an_inspector_may_not(self, stored):
        with pytest.raises(NotAllowed):
            stored.run(
                changes.set_free, SetFree(staff_uid=stored.hire("chi", Role.INSPECTOR).uid, service_id="s1", free=0)
            )


def codes(
    *services: Service, asked=("medical",), holidays=(date(2026, 1, 1), date(2027, 1, 1))
) -> set[tuple[str, str]]:
    found = check(Directory(services, holidays), GAZETTEER, asked, TODAY)
    return {(one.code, one.about) for one in found}


class TestCheck:
    WHOLE = replace(CHECKED, hours="24/7", covers=frozenset({"*"}))
    SHELTER = replace(
        CHECKED, id="s9", kind="shelter", needs=frozenset({"shelter"}), disclosure=Disclosure.STAFF_ONLY, hours="24/7",
        covers=frozenset({"*"}),
    )  # fmt: skip

    def test_a_directory_without_gaps_has_no_finding(self):
        assert codes(self.WHOLE, self.SHELTER) == set()

    @pytest.mark.parametrize(
        ("change", "finding"),
        [
            ({"verified_on": None}, ("unverified", "s1")),
            ({"verified_on": date(2026, 1, 1)}, ("stale", "s1")),
            ({"hours": ""}, ("no-hours", "s1")),
            ({"hours": ""}, ("night-gap", "medical")),
            ({"hours": "Mo-Fr 07:30-17:00"}, ("night-gap", "medical")),
            ({"covers": frozenset()}, ("no-service-in-commune", "medical")),
            ({"needs": frozenset()}, ("no-needs", "s1")),
            ({"needs": frozenset()}, ("no-service", "medical")),
            ({"needs": frozenset({"work"})}, ("unreachable", "s1")),
            ({"commune": "03386"}, ("unknown-commune", "s1")),
            ({"commune": "", "point": None}, ("nowhere", "s1")),
            ({"commune": "99999", "province": ""}, ("unknown-commune", "s1")),
            ({"commune_name": "xã Bản Bo"}, ("other-commune-name", "s1")),
            ({"commune_name": ""}, ("other-commune-name", "s1")),
            ({"point": (21.95, 103.9)}, ("far-point", "s1")),  # Than Uyên
            ({"phones": ("2133 000 000",)}, ("phone-digits", "s1")),  # what a spreadsheet leaves of 02133 000 000
            ({"phones": ("000", "84 213 300 0000")}, ("phone-digits", "s1")),
        ],
    )
    def test_each_gap_is_found(self, change, finding):
        assert finding in codes(replace(self.WHOLE, **change), self.SHELTER)

    @pytest.mark.parametrize(
        "change",
        [
            {"commune_name": " Xã  bình lư"},
            {"point": None},
            {"phones": ("02133 000 000", "+84 213 300 0000", "1900 000 000", "999")},
            {"commune": "03006", "commune_name": "phường Sa Pa", "province": "Lào Cai", "point": (22.33, 103.84)},
        ],
    )
    def test_what_is_right_is_no_finding(self, change):
        assert not {code for code, about in codes(replace(self.WHOLE, **change), self.SHELTER) if about == "s1"}

    def test_what_does_not_work_counts_for_nothing(self):
        assert ("no-service", "medical") in codes(replace(self.WHOLE, status=Status.PAUSED), self.SHELTER)

    def test_a_shelter_is_missed_although_no_flow_looks_for_one(self):
        assert ("no-service", "shelter") in codes(self.WHOLE)

    def test_missing_holidays_are_said(self):
        assert ("no-holidays", "") in codes(self.WHOLE, self.SHELTER, holidays=())
        assert ("no-holidays", "") in codes(self.WHOLE, self.SHELTER, holidays=(date(2026, 1, 1),))

    def test_no_finding_names_a_place_or_number(self):
        found = check(Directory([replace(CHECKED, verified_on=None, address="số 1")]), GAZETTEER, ("medical",), TODAY)
        assert not any("số 1" in str(one) or "0000" in str(one) for one in found)
