"""The desk's directory, a case's referrals, and the page a service opens once: by forms alone, each for whom it is meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.web.texts import COST, DESK, KIND, NEED, TAKEN
from flows.severity import Severity
from handlers.model import Case, Role
from handlers.referral import Consent, Item, ReferralStatus
from handlers.referrals import ask_for
from handlers.service import KINDS, NEEDS, TAKES, Cost, Disclosure, Service
from tests.fakes.hotline import Hotline
from tests.unit.handlers.test_directory import CHECKED
from tests.unit.web.desk_fakes import desk_deps, gazetteer, hire
from tests.unit.web.serving import OUR_PAGE, serving
from tests.unit.web.signed_in import Browser
from tests.unit.web.test_stream import says_where

LEGAL = replace(
    CHECKED, id="legal", name="Trung tâm Trợ giúp", kind="legal_aid", needs=frozenset({"legal"}), capacity=None
)
SHELTER = replace(
    CHECKED, id="kin", name="Nhà kín", kind="shelter", needs=frozenset({"shelter"}), disclosure=Disclosure.STAFF_ONLY
)
WORDS = "Cần hỏi về ly hôn."


@pytest.fixture
def house(hotline: Hotline) -> Hotline:
    rows = [CHECKED.to_row(), LEGAL.to_row(), SHELTER.to_row()]
    hotline.do(lambda uow: uow.services.replace(rows))
    return hotline


def service(hotline: Hotline, service_id: str) -> Service:
    return Service.from_row(hotline.do(lambda uow: uow.services.get(service_id)))


async def signed_in(http, name: str = "lan") -> Browser:
    browser = Browser(http)
    await browser.sign_in(name)
    return browser


async def test_staff_find_by_need_and_place_and_see_what_is_secret_marked(house: Hotline) -> None:
    hire(house, "lan")
    deps, _ = desk_deps(house)
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        assert "/desk/services" in await (await browser.get("/desk")).text()
        every = (await browser.page("/desk/services")).text
        assert all(name in every for name in ("Trạm thử", "Trung tâm Trợ giúp", "Nhà kín"))
        found = (await browser.page("/desk/services?need=shelter&near=xã%20Bình%20Lư")).text
        assert "Nhà kín" in found
        assert "Chỉ nhân viên được biết" in found
        assert "Trạm thử" not in found
        unclear = (await browser.page("/desk/services?need=shelter&near=nam%20cha")).text
        assert "Chưa rõ là xã nào" in unclear


async def test_whom_it_takes_what_is_spoken_and_what_it_costs_stand_there_before_she_is_sent(house: Hotline) -> None:
    takes = frozenset({"women_with_children", "boys_over_12"})
    told = {"takes": takes, "languages": frozenset({"vi", "hmn", "xyz"}), "cost": Cost.FREE}
    near = replace(SHELTER, id="gan", covers=frozenset({"03390", "03394"}), **told)
    house.do(lambda uow: uow.services.replace([replace(SHELTER, covers=frozenset({"*"})).to_row(), near.to_row()]))
    hire(house, "lan")
    deps, _ = desk_deps(house)
    async with serving(deps, cookies=True) as http:
        page = (await (await signed_in(http)).page("/desk/services?need=shelter")).text
    assert "Nhận: con trai trên 12 tuổi, phụ nữ có con đi cùng" in page
    assert "Nói được: tiếng Mông, tiếng Việt, xyz" in page
    assert "không mất tiền" in page
    assert "Nhận người ở: mọi xã" in page
    assert "Nhận người ở: xã Bình Lư, xã Sin Suối Hồ" in page


def test_every_word_of_the_directory_has_words_for_staff() -> None:
    assert set(TAKEN) == TAKES
    assert set(COST) == {one.value for one in Cost if one.value}
    assert set(KIND) == KINDS
    assert set(NEED) == NEEDS


async def test_places_are_counted_only_where_there_are_any(house: Hotline) -> None:
    clinic = replace(CHECKED, id="vien", name="Bệnh viện thử", kind="hospital", capacity=None)
    said = replace(clinic, id="noitru", name="Bệnh viện có giường", capacity=4)
    house.do(lambda uow: uow.services.replace([one.to_row() for one in (clinic, said, SHELTER, LEGAL)]))
    hire(house, "lan")
    deps, _ = desk_deps(house)
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        taps = {form.get("action", "").split("?")[0] for form in (await browser.page("/desk/services")).all("form")}
    assert {"/desk/services/kin/free", "/desk/services/noitru/free"} <= taps
    assert {"/desk/services/vien/free", "/desk/services/legal/free"}.isdisjoint(taps)


async def test_one_tap_says_that_a_place_is_full(house: Hotline) -> None:
    hire(house, "lan")
    deps, _ = desk_deps(house)
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        done = await browser.post("/desk/services/kin/free?need=shelter&near=", free="0")
        assert (done.status, done.headers["Location"]) == (303, "/desk/services?need=shelter&m=saved")
        assert service(house, "kin").free == 0
        wrong = await browser.post("/desk/services/kin/free", free="-1")
        assert wrong.status == 409
        assert (await browser.post("/desk/services/nowhere/free", free="1")).status == 404
    assert house.audit().count("service.free") == 1


async def test_a_check_is_the_editors(house: Hotline) -> None:
    hire(house, "lan")
    hire(house, "mai", Role.EDITOR)
    house.do(lambda uow: uow.services.replace([replace(LEGAL, verified_on=None, verified_by="").to_row()]))
    deps, _ = desk_deps(house)
    async with serving(deps, cookies=True) as http:
        counsellor = await signed_in(http)
        assert (await counsellor.post("/desk/services/legal/verify", office="Sở")).status == 403
    async with serving(deps, cookies=True) as http:
        editor = await signed_in(http, "mai")
        assert (await editor.get("/desk")).headers["Location"] == "/desk/services"
        assert (await editor.post("/desk/services/legal/verify", office=" ")).status == 409
        assert (await editor.post("/desk/services/legal/verify", office="Sở Tư pháp")).status == 303
    assert service(house, "legal").verified_by == "Sở Tư pháp"


def held_case(hotline: Hotline) -> Case:
    case = hotline.asks_for_person(hotline.arrive())
    return hotline.case(case)


async def test_ask_agree_send_open_answer_by_forms_alone(house: Hotline) -> None:
    hire(house, "lan", alias="Hoa")
    case = held_case(house)
    deps, _ = desk_deps(house)
    path = f"/desk/cases/{case.code}/referrals"
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        assert path in await (await browser.get(f"/desk/cases/{case.code}")).text()
        assert "Trung tâm Trợ giúp" in (await browser.page(f"{path}?need=legal")).text
        asked = await browser.post(
            path, service="legal", need="legal", item_need="1", item_phone="1", client_key="k" * 12
        )
        assert asked.status == 303
        (one,) = house.do(lambda uow: uow.referrals.of_case(case.uid))
        assert " checked" not in await (await browser.get(path)).text()  # each item she agreed to is ticked by hand
        beyond = await browser.post(f"{path}/{one.uid}/send", agreed_need="1", words_phone="0000", tell="every")
        assert beyond.status == 409
        assert "chưa đồng ý" in await beyond.text()
        sent = await browser.post(f"{path}/{one.uid}/send", agreed_need="1", words_need=WORDS, tell="every", line="7")
        assert sent.status == 303
        shown = (await browser.page(path)).text
        assert WORDS in shown
        assert "Số điện thoại" not in shown.split("Hỏi ý người viết")[0]
        made = await (await browser.post(f"{path}/{one.uid}/link")).text()
        address = made.split("/refer/")[1].split("<")[0]
        pin = made.split("Mã: <b>")[1].split("<")[0]
        assert address not in (await browser.page(path)).text  # shown once
    async with serving(deps) as http:
        door = await http.get(f"/refer/{address}")
        assert (door.status, WORDS in await door.text()) == (200, False)
        opened = await http.post(f"/refer/{address}", data={"pin": pin}, headers=OUR_PAGE)
        assert WORDS in await opened.text()
        again = await http.post(f"/refer/{address}", data={"pin": pin}, headers=OUR_PAGE)
        assert WORDS not in await again.text()
        answered = await http.post(f"/refer/{address}", data={"pin": pin, "status": "accepted"}, headers=OUR_PAGE)
        assert "Câu trả lời đã tới" in await answered.text()
    (one,) = house.do(lambda uow: uow.referrals.of_case(case.uid))
    assert one.status is ReferralStatus.ACCEPTED
    assert "<referral_accepted>" in house.said(case)


async def test_the_counsellor_sets_how_it_stands_and_takes_back(house: Hotline) -> None:
    hire(house, "lan")
    case = held_case(house)
    deps, _ = desk_deps(house)
    path = f"/desk/cases/{case.code}/referrals"
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        await browser.post(path, service="kin", need="shelter", item_need="1", client_key="k" * 12)
        (one,) = house.do(lambda uow: uow.referrals.of_case(case.uid))
        await browser.post(f"{path}/{one.uid}/send", agreed_need="1", words_need=WORDS, tell="nothing")
        assert (await browser.post(f"{path}/{one.uid}/set", status="served")).status == 303
        assert (await browser.post(f"{path}/{one.uid}/set", status="accepted")).status == 409
        assert (await browser.post(f"{path}/{one.uid}/set", status="nonsense")).status == 409
        assert (await browser.post(f"{path}/{'f' * 32}/set", status="served")).status == 404


@pytest.mark.parametrize("wish", [{"need": "legal"}, {"kind": "legal_aid"}])
async def test_a_wish_out_of_a_flow_offers_what_fits_it(house: Hotline, wish: dict[str, str]) -> None:
    hire(house, "lan")
    case = held_case(house)
    consent = Consent(items=(Item.NEED,), step="refer.ask", text="ab" * 6, given_at=house.now)
    house.do(lambda uow: ask_for(uow, uow.cases.get(case.uid), consent=consent, **wish))
    deps, _ = desk_deps(house)
    path = f"/desk/cases/{case.code}/referrals"
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        shown = await (await browser.get(path)).text()
        assert 'name="service" value="legal"' in shown
        assert 'value="kin"' not in shown
        assert 'name="agreed_need" value="1" checked' in shown  # she has agreed already
        (one,) = house.do(lambda uow: uow.referrals.of_case(case.uid))
        wrong = await browser.post(f"{path}/{one.uid}/send", agreed_need="1", service="kin", tell="every")
        assert wrong.status == 409
        sent = await browser.post(f"{path}/{one.uid}/send", agreed_need="1", service="legal", tell="every")
        assert sent.status == 303


async def test_who_does_not_hold_the_case_sees_no_words_and_may_not_act(house: Hotline) -> None:
    hire(house, "lan")
    hire(house, "hue")
    case = held_case(house)
    deps, _ = desk_deps(house)
    path = f"/desk/cases/{case.code}/referrals"
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        await browser.post(path, service="legal", need="legal", item_need="1", client_key="k" * 12)
        (one,) = house.do(lambda uow: uow.referrals.of_case(case.uid))
        await browser.post(f"{path}/{one.uid}/send", agreed_need="1", words_need=WORDS, tell="every")
    async with serving(deps, cookies=True) as http:
        other = await signed_in(http, "hue")
        assert WORDS not in (await other.page(path)).text
        assert (await other.post(f"{path}/{one.uid}/set", status="served")).status == 409
        assert (await other.post(f"{path}/{one.uid}/link")).status == 409
        assert (await other.get("/desk/cases/K9-999/referrals")).status == 404


async def test_sending_on_begins_near_where_she_is(house: Hotline) -> None:
    hire(house, "lan")
    case = held_case(house)
    says_where(house, case, "03388")
    deps, _ = desk_deps(house, place_name=lambda code: gazetteer().name(code))
    async with serving(deps, cookies=True) as http:
        browser = await signed_in(http)
        await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")
        page = await browser.page(f"/desk/cases/{case.code}")
        (way,) = [attrs["href"] for attrs in page.all("a") if "/referrals" in attrs["href"]]
        assert way == f"/desk/cases/{case.code}/referrals?near=03388"
        found = await browser.page(way)
        assert found.fields["near"] == gazetteer().name("03388")
        again = await browser.page(f"/desk/cases/{case.code}/referrals?near={found.fields['near']}&need=legal")
        assert DESK["services_unclear"] not in again.text


@pytest.mark.parametrize("data", [{}, {"pin": "000000"}, {"pin": "000000", "status": "accepted"}, {"status": "x"}])
async def test_every_wrong_door_looks_the_same(house: Hotline, data: dict[str, str]) -> None:
    deps, _ = desk_deps(house)
    async with serving(deps) as http:
        for token in ("a" * 26, "b" * 500, "%00"):
            answer = await http.post(f"/refer/{token}", data=data, headers=OUR_PAGE)
            assert answer.status == 404
            assert "Không mở được" in await answer.text()
        foreign = await http.post(f"/refer/{'a' * 26}", data=data, headers={"Origin": "https://example.org"})
        assert foreign.status == 403


async def test_the_page_of_a_service_says_nothing_of_us_and_is_not_indexed(house: Hotline) -> None:
    deps, _ = desk_deps(house)
    async with serving(deps) as http:
        answer = await http.get(f"/refer/{'a' * 26}")
        text = await answer.text()
    assert 'content="noindex, nofollow"' in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "bạo lực" not in text.lower()
    assert Severity.EMERGENCY.value not in text
