"""The status page: said in words, for whoever may see it, with what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.looking import Channels, Looking, Standing
from bot.web.key_texts import KEYS, SAID_ELSEWHERE
from bot.web.status_texts import LATE, NOT_NOW, PART, TEXT
from bot.web.status_words import BAD, GOOD, LOOK, Status, span, status
from handlers import alarms
from handlers.duty import EverybodyByRole
from handlers.health import Health, KeyRisk, Watched
from handlers.model import Role
from handlers.ports import Backlog, Queues
from handlers.rules.roster import Gap, Period
from handlers.watching import PARTS, QUESTIONS, Finding
from storage.key_care import RISKS
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 28, 18, 30, 5, tzinfo=UTC)
ALIVE = timedelta(seconds=1)
EMPTY = Queues(
    messages=0, letters={}, held=0, pages=0, escalations={}, cases={}, ringing=Backlog(count=0, oldest_at=None)
)
WELL = Health(
    at=NOW,
    late=(),
    queues=EMPTY,
    silent={part: ALIVE for part in (*PARTS, "channel:tg")},
    on_duty={"on_duty": 2, "backup": 1, "supervisor": 1},
    gap=None,
    quarantine=False,
    content_version="0123456789abcdef",
    published_at=NOW - timedelta(days=3),
    backup_at=NOW - timedelta(hours=5),
    watched=Watched(at=NOW - timedelta(seconds=4), alarm="", ping="arrived", pinged_at=NOW - timedelta(seconds=30)),
    codes_refused=0,
)
CHANNELS = Channels(polling=("tg",), webhook=("hook",), page=("web",))


def page(key_age: timedelta | None = timedelta(days=10), **changes: object) -> Status:
    key_since = None if key_age is None else NOW - key_age
    standing = Standing(health=replace(WELL, **changes), channels=CHANNELS, key_since=key_since)  # type: ignore[arg-type]
    return status(standing, ZONE)


def words(shown: Status) -> str:
    return " ".join(f"{one.name}: {one.said} {one.then}" for one in (*shown.urgent, *shown.soon))


def test_when_all_is_well_it_says_so_at_once() -> None:
    shown = page()
    assert (shown.state, shown.headline, shown.urgent, shown.soon) == (GOOD, TEXT["all_good"], (), ())
    assert shown.at == "01:30:05 ngày 29/11/2026"


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"silent": {**WELL.silent, "timers": timedelta(minutes=2)}}, BAD, "Không thấy hoạt động đã 2 phút"),
        ({"silent": {**WELL.silent, "sender": None}}, BAD, "Chưa thấy chạy lần nào"),
        ({"silent": {**WELL.silent, "channel:tg": timedelta(minutes=5)}}, BAD, "Không lấy được tin mới đã 5 phút"),
        ({"silent": {**WELL.silent, "channel:tg": timedelta(seconds=70)}}, GOOD, ""),
        ({"quarantine": True}, BAD, "python -m bot db release"),
        ({"watched": None}, BAD, "chưa chạy lần nào"),
        ({"watched": replace(WELL.watched, at=NOW - timedelta(minutes=2))}, BAD, "im lặng đã 2 phút"),
        ({"watched": replace(WELL.watched, alarm="none")}, LOOK, "auditor.alarm_url"),
        ({"watched": replace(WELL.watched, alarm="failed")}, BAD, "không đến nơi"),
        ({"watched": replace(WELL.watched, ping="none", pinged_at=None)}, LOOK, "auditor.ping_url"),
        ({"watched": replace(WELL.watched, ping="failed")}, LOOK, "không đến nơi"),
        ({"watched": replace(WELL.watched, pinged_at=NOW - timedelta(minutes=9))}, LOOK, "Đã 9 phút không gửi"),
        ({"on_duty": {"on_duty": 0, "backup": 1, "supervisor": 1}}, LOOK, "Cuộc gọi đến thẳng người dự phòng"),
        ({"on_duty": {"on_duty": 0, "backup": 0, "supervisor": 0}}, BAD, "chưa có người trực"),
        ({"backup_at": None}, LOOK, "chưa ghi nhận lần sao lưu nào"),
        ({"backup_at": NOW - timedelta(hours=30)}, LOOK, "đã 30 giờ"),
        ({"backup_at": NOW - timedelta(days=5)}, BAD, "đã 5 ngày"),
        ({"key_age": timedelta(days=91)}, LOOK, "đã 91 ngày"),
        ({"key_age": None}, LOOK, "var/secrets"),
        ({"codes_refused": 2}, LOOK, "2 lần trong 1 giờ qua"),
        ({"queues": replace(EMPTY, ringing=Backlog(count=1, oldest_at=NOW - timedelta(minutes=7)))}, BAD, "7 phút"),
        ({"queues": replace(EMPTY, ringing=Backlog(count=1, oldest_at=NOW - timedelta(minutes=1)))}, GOOD, ""),
        (
            {"gap": Gap("on_duty", Period(NOW + timedelta(hours=1), NOW + timedelta(hours=3)))},
            BAD,
            "Trống từ 02:30 ngày 29/11 đến 04:30 ngày 29/11",
        ),
        ({"gap": Gap("on_duty", Period(NOW + timedelta(hours=9), NOW + timedelta(hours=10)))}, LOOK, "roster.yaml"),
        ({"gap": Gap("on_duty", Period(NOW, NOW + timedelta(hours=1)))}, BAD, "Đang trống đến 02:30"),
    ],
)
def test_what_is_wrong_stands_on_top_with_what_to_do(changes: dict[str, object], state: str, said: str) -> None:
    shown = page(**changes)  # type: ignore[arg-type]
    assert shown.state == state
    assert said in words(shown)
    assert all(one.then for one in (*shown.urgent, *shown.soon)), "whoever reads it knows what to do next"


ALARMS = (
    alarms.TOKEN_LOST,
    alarms.NOT_ALLOWED,
    alarms.UNREACHABLE,
    alarms.WEBHOOK_BAD,
    alarms.QUOTA_LOW,
    alarms.QUOTA_GONE,
)


OTHERS = ("keys-not-copied", "audit-changed")


@pytest.mark.parametrize("code", [*(one.code for one in QUESTIONS), *OTHERS, *(f"channel-{code}" for code in ALARMS)])
def test_every_finding_of_the_auditor_has_words(code: str) -> None:
    shown = page(late=(Finding(code, 3, 95),))
    (one,) = shown.soon if code in NOT_NOW else shown.urgent
    assert one.name == LATE[code][0]
    assert one.said.startswith("3 ")
    assert "Lâu nhất: 1 phút" in one.said
    assert one.then


@pytest.mark.parametrize("code", RISKS)
def test_every_risk_to_the_keys_is_said_in_words_with_what_to_do(code: str) -> None:
    standing = Standing(health=WELL, channels=CHANNELS, key_since=NOW, key_risks=(KeyRisk(code, "said", "kek_7"),))
    shown = status(standing, ZONE)
    if code in SAID_ELSEWHERE:
        assert shown.state == GOOD
        return
    (one,) = (*shown.urgent, *shown.soon)
    assert (one.name, one.then) == (KEYS[code][0], KEYS[code][2])
    assert ("kek_7" in one.said) == ("{of}" in KEYS[code][1])
    assert "{" not in one.said
    assert shown.state == (BAD if code.startswith("kek-missing") else LOOK)


def test_a_risk_without_words_and_content_that_was_never_published_are_said() -> None:
    risks = (KeyRisk("quite-new", "what it is; what to do"),)
    shown = status(Standing(health=WELL, channels=CHANNELS, key_since=NOW, key_risks=risks, newer_content=True), ZONE)
    (one,) = shown.soon
    assert ("quite-new" in one.name, one.said) == (True, "what it is; what to do")
    said = [item.said for section in shown.sections for item in section.items]
    assert any("flows publish" in words for words in said)


def test_a_finding_without_words_is_shown_all_the_same() -> None:
    (one,) = page(late=(Finding("quite-new", 1, 70),)).urgent
    assert "quite-new" in one.name
    assert one.then


def test_every_part_has_words() -> None:
    assert set(PART) == set(PARTS)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 giây"),
        (59, "59 giây"),
        (61, "1 phút"),
        (7200, "2 giờ"),
        (90_000, "25 giờ"),
        (172_800, "2 ngày"),
        (-5, "0 giây"),
    ],
)
def test_lengths_of_time_as_people_say_them(seconds: int, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (Role.OPERATOR, True),
        (Role.SUPERVISOR, True),
        (Role.COUNSELLOR, False),
        (Role.EDITOR, False),
        (Role.INSPECTOR, False),
    ],
)
async def test_who_may_see_it(hotline: Hotline, role: Role, sees: bool) -> None:
    hire(hotline, "lan", role)
    deps, door = desk_deps(hotline)
    looking = Looking(door, EverybodyByRole(), CHANNELS)
    deps = replace(deps, look=looking.standing)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        posted = await http.get("/desk/status", headers={"Accept": "text/html"}, allow_redirects=False)
        assert (posted.status, posted.headers["Location"]) == (303, "/desk/sign-in"), "nobody unknown"
        assert (await browser.sign_in("lan")).status == 303
        answer = await browser.get("/desk/status")
        assert answer.status == (200 if sees else 403)
        if not sees:
            return
        read = await answer.text()
        assert TEXT["title"] in read
        assert "Canh gác" in read
        assert "Chưa thấy chạy lần nào" in read
        queue = await browser.get("/desk")
        if role is Role.OPERATOR:
            assert (queue.status, queue.headers["Location"]) == (303, "/desk/status"), "her work is there"
        else:
            assert 'href="/desk/status"' in await queue.text()


async def test_nothing_of_anybody_stands_on_it(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.OPERATOR)
    case = hotline.asks_for_person(hotline.arrive("canary-address-of-hers", "tg"))
    deps, door = desk_deps(hotline)
    deps = replace(deps, look=Looking(door, EverybodyByRole(), CHANNELS).standing)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        assert (await browser.sign_in("lan")).status == 303
        read = await (await browser.get("/desk/status")).text()
    assert "1 ca" in read, "it does count her"
    for secret in (case.code, case.uid, case.contact_uid, "canary-address-of-hers", "một dòng của chị"):
        assert secret not in read
