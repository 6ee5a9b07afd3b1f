"""The second step: enrolling, what opens, what is used up, and what a thief with the password still cannot do."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from bot.web.deps import DEPS
from bot.web.guard import token_hash
from bot.web.passwords import Verifier
from handlers.factors import HELP_CODE_LIVES, STEP_S, Proof
from handlers.model import Role
from handlers.signing_in import HALF_LIVES, SECOND_TRIES, THROTTLE_WINDOW, TRIES_PER_HALF
from handlers.staffing import MakeHelpCode, NothingToHelp, ResetFactors, Staffing
from tests.fakes.authenticator import FakeKey
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import PASSWORD, desk_deps, hire
from tests.unit.web.serving import OUR_PAGE, Page, serving
from tests.unit.web.signed_in import Browser
from tests.unit.web.test_headers import assert_inert, assert_kept_well, assert_safe

ORIGIN = "https://example.org"
STAFFING = Staffing(lambda uow, uid: None)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks passwords without the work."""

    async def matches(self: Verifier, password: str, password_hash: str, *, known: bool = False) -> bool:
        return bool(password_hash) and password == PASSWORD

    monkeypatch.setattr(Verifier, "matches", matches)


def deps_https(http: TestClient[Any, Any]) -> bool:
    return http.app[DEPS].https  # type: ignore[index]


class Person(Browser):
    """A browser, and what its owner has enrolled. Cookies are kept by hand, as over https."""

    def __init__(self, http: TestClient[Any, Any], hotline: Hotline) -> None:
        super().__init__(http)
        self.hotline = hotline
        self.kept: dict[str, str] = {}
        self.seed = ""
        self.half = ""
        self.options: dict[str, Any] = {}

    async def ask(self, method: str, path: str, **fields: str) -> ClientResponse:
        headers = {**OUR_PAGE, "Accept": "text/html", "Cookie": "; ".join(f"{k}={v}" for k, v in self.kept.items())}
        data = {"csrf": self.csrf, **fields} if method == "POST" else None
        answer = await self.http.request(method, path, data=data, headers=headers, allow_redirects=False)
        for name, morsel in answer.cookies.items():
            self.kept[name] = morsel.value
        assert_safe(answer.headers, path, https=deps_https(self.http))
        assert_kept_well(answer.headers.getall("Set-Cookie", []), https=deps_https(self.http))
        if answer.content_type == "text/html":
            assert_inert(await answer.text())
            page = Page(await answer.text())
            self.csrf = next((one["content"] for one in page.all("meta") if one.get("name") == "csrf"), self.csrf)
            self.half = page.fields.get("half", self.half)
            for form in page.all("form"):
                if "data-options" in form:
                    self.options = json.loads(form["data-options"])
        return answer

    async def knocks(self, password: str = PASSWORD) -> ClientResponse:
        return await self.ask("POST", "/desk/sign-in", name="lan", password=password)

    async def enters(self) -> None:
        answer = await self.knocks()
        assert answer.status == 303, await answer.text()
        await self.ask("GET", "/desk/me")

    async def shows(self, code: str) -> ClientResponse:
        return await self.ask("POST", "/desk/sign-in/second", half=self.half, code=code)

    async def touches(self, answer: str) -> ClientResponse:
        return await self.ask("POST", "/desk/sign-in/second", half=self.half, answer=answer)

    async def enrols_app(self) -> list[str]:
        """The spare codes."""
        page = await self.ask("POST", "/desk/me/totp", password=PASSWORD)
        text = await page.text()
        self.seed = re.search(r'class="seed">([A-Z2-7 ]+)<', text)[1].replace(" ", "")  # type: ignore[index]
        fields = Page(text).fields
        done = await self.ask("POST", "/desk/me/totp/confirm", ticket=fields["ticket"], code=self.code())
        return [one.replace(" ", "") for one in re.findall(r"<li>(\d{5} \d{5})</li>", await done.text())]

    async def enrols_key(self, key: FakeKey) -> ClientResponse:
        await self.ask("POST", "/desk/me/key", password=PASSWORD)
        return await self.ask("POST", "/desk/me/key/confirm", answer=key.make(self.options, ORIGIN))

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.seed).at(self.hotline.now + timedelta(seconds=steps * STEP_S))

    def later(self, **by: float) -> None:
        self.hotline.now += timedelta(**by)

    def proof(self) -> Proof | None:
        session = self.hotline.do(lambda uow: uow.staff.signed_in(token_hash(self.kept["__Host-sid"])))
        assert session is not None
        return session.proof


async def test_an_app_is_enrolled_and_owed_from_then_on(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        before = lan.kept["__Host-sid"]
        codes = await lan.enrols_app()
        assert len(set(codes)) == 10
        assert lan.kept["__Host-sid"] != before  # another token once more is proved
        assert lan.proof() is Proof.TOTP
        lan.later(seconds=STEP_S)
        thief = Person(http, hotline)
        answer = await thief.knocks()
        assert answer.status == 200
        assert "__Host-sid" not in thief.kept
        assert (await thief.ask("GET", "/desk")).status == 303  # half a sign-in opens nothing
        thief.kept["__Host-sid"] = thief.half.partition(".")[0]
        assert (await thief.ask("GET", "/desk")).status == 303
        assert (await lan.knocks()).status == 200
        assert (await lan.shows(lan.code())).headers["Location"] == "/desk"
        assert (await lan.ask("GET", "/desk")).status == 200
        assert lan.proof() is Proof.TOTP


async def test_a_code_is_used_once_whoever_uses_it(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        await lan.enrols_app()
        await lan.knocks()
        assert (await lan.shows(lan.code())).status == 403  # shown while enrolling: used up
        lan.later(seconds=STEP_S)
        seen = lan.code()
        assert (await lan.shows(seen)).status == 303
        over_her_shoulder = Person(http, hotline)
        await over_her_shoulder.knocks()
        assert (await over_her_shoulder.shows(seen)).status == 403
        lan.later(seconds=STEP_S)
        assert (await over_her_shoulder.shows(seen)).status == 403  # still within the window of clocks that are off
        assert (await over_her_shoulder.shows(lan.code(-1))).status == 403  # and none before it
        assert (await over_her_shoulder.shows(lan.code(+1))).status == 303  # her phone is half a minute ahead
        assert (await lan.ask("GET", "/desk")).status == 200


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "000000 or 1=1", "９９９９９９", "x" * 5000])
async def test_nonsense_opens_nothing(hotline: Hotline, typed: str) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        await lan.enrols_app()
        await lan.knocks()
        assert (await lan.shows(typed)).status == 403
        assert (await Person(http, hotline).shows("123456")).status == 429  # without the first step


async def test_a_made_up_half_is_refused_before_the_database_is_asked(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, door = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        await lan.enrols_app()
        lan.later(seconds=STEP_S)
        await lan.knocks()
        ran, right = len(door.ran), lan.half
        for half in ("", ".", right[:-1], right.partition(".")[0], "x" + right, "ă.ă", "x" * 9000):
            lan.half = half
            assert (await lan.shows(lan.code())).status == 429, half
        assert len(door.ran) == ran
        lan.half = right
        assert (await lan.shows(lan.code())).status == 303


async def test_half_a_sign_in_ends_by_time_by_tries_and_with_the_person(hotline: Hotline) -> None:
    staff = hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        await lan.enrols_app()
        await lan.knocks()
        lan.later(seconds=HALF_LIVES.total_seconds() + 1)
        assert (await lan.shows(lan.code())).status == 429
        await lan.knocks()
        for _ in range(TRIES_PER_HALF):
            assert (await lan.shows("000000")).status == 403
        assert (await lan.shows(lan.code())).status == 429
        await lan.knocks()
        hotline.do(lambda uow: uow.staff.sign_out(staff_uid=staff.uid))
        assert (await lan.shows(lan.code())).status == 429


async def test_a_thief_with_the_password_cannot_guess_on_and_does_not_shut_her_out(hotline: Hotline) -> None:
    hire(hotline, "lan")
    hire(hotline, "mai")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan, thief = Person(http, hotline), Person(http, hotline)
        await lan.enters()
        await lan.enrols_app()
        lan.later(seconds=STEP_S)
        # A colleague gone bad: her own mark of a browser that was here before must not give her new tries at another name.
        await thief.ask("POST", "/desk/sign-in", name="mai", password=PASSWORD)
        del thief.kept["__Host-sid"]
        statuses = []
        for _ in range(4):
            await thief.knocks()
            statuses += [(await thief.shows("000000")).status for _ in range(TRIES_PER_HALF)]
        assert statuses.count(403) == SECOND_TRIES
        assert (await thief.knocks()).status == 200
        assert (await thief.shows(lan.code())).status == 429  # even the right one
        await lan.knocks()
        assert (await lan.shows(lan.code())).status == 303  # her own browser is counted by itself
        lan.later(seconds=THROTTLE_WINDOW.total_seconds() + 1)
        refused = [entry for entry in hotline.audit() if entry == "staff.second_step_refused"]
        assert len(refused) == SECOND_TRIES


async def test_spare_codes_open_once_each(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        codes = await lan.enrols_app()
        for code, status in ((f"{codes[0][:5]} {codes[0][5:]}", 303), (codes[0], 403), (codes[1], 303)):
            await lan.knocks()
            assert (await lan.shows(code)).status == status
        assert lan.proof() is Proof.CODE
        assert ">8<" in await (await lan.ask("GET", "/desk/me")).text()
        page = await lan.ask("POST", "/desk/me/codes", password=PASSWORD)
        new = [one.replace(" ", "") for one in re.findall(r"<li>(\d{5} \d{5})</li>", await page.text())]
        assert len(new) == 10
        assert not set(new) & set(codes)
        for code, status in ((codes[2], 403), (new[9], 303)):
            await lan.knocks()
            assert (await lan.shows(code)).status == status
        assert "staff.spare_code_used" in hotline.audit()


async def test_a_code_read_out_by_a_supervisor_opens_once_within_a_shift_and_not_without_the_password(
    hotline: Hotline,
) -> None:
    hire(hotline, "lan")
    boss = hire(hotline, "chi", Role.SUPERVISOR)
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        ask = MakeHelpCode(name="lan", by=boss.uid)
        with pytest.raises(NothingToHelp):
            hotline.run(STAFFING.make_help_code, ask)
        await lan.enrols_app()
        first, second = (hotline.run(STAFFING.make_help_code, ask) for _ in range(2))
        await lan.knocks()
        assert (await lan.shows(first)).status == 303
        assert lan.proof() is Proof.CODE
        await lan.knocks()
        assert (await lan.shows(first)).status == 403
        lan.later(seconds=HELP_CODE_LIVES.total_seconds())
        await lan.knocks()
        assert (await lan.shows(second)).status == 403
        assert "staff.help_code_made" in hotline.audit()


async def test_a_key_opens_what_an_app_opens(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    key = FakeKey()
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        assert (await lan.enrols_key(key)).status == 200
        assert lan.proof() is Proof.KEY
        assert (await lan.enrols_key(key)).status == 409  # the same one again
        await lan.knocks()
        assert [one["type"] for one in lan.options["publicKey"]["allowCredentials"]] == ["public-key"]
        answer = key.sign(lan.options, ORIGIN)
        assert (await lan.touches(answer)).status == 303
        assert lan.proof() is Proof.KEY
        assert (await lan.touches(answer)).status == 429  # that half is over


@pytest.mark.parametrize(
    "wrong",
    ["origin", "host", "replayed", "other key", "not present", "copied", "not json", "deep", "number", "empty"],
)
async def test_a_wrong_answer_of_a_key_opens_nothing(hotline: Hotline, wrong: str) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    key = FakeKey()
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        await lan.enrols_key(key)
        await lan.knocks()
        old = lan.options
        used = key.sign(old, ORIGIN)
        assert (await lan.touches(used)).status == 303
        await lan.knocks()
        copied = FakeKey(count=key.count - 1, credential=key.credential, private=key.private)
        answers = {
            "origin": lambda: key.sign(lan.options, "https://examp1e.org"),
            "host": lambda: key.sign(lan.options, ORIGIN, host="examp1e.org"),
            "replayed": lambda: used,
            "other key": lambda: FakeKey(credential=key.credential).sign(lan.options, ORIGIN),
            "not present": lambda: key.sign(lan.options, ORIGIN, flags=0),
            "copied": lambda: copied.sign(lan.options, ORIGIN),
            "not json": lambda: "{",
            "deep": lambda: "[" * 15_000,
            "number": lambda: "7",
            "empty": lambda: '{"id":"","rawId":"","type":"public-key","response":{}}',
        }
        assert (await lan.touches(answers[wrong]())).status == 403
        assert (await lan.touches(key.sign(lan.options, ORIGIN))).status == 303, "the right one still does"


async def test_a_challenge_answers_one_page_only(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    key = FakeKey()
    async with serving(deps) as http:
        lan, thief = Person(http, hotline), Person(http, hotline)
        await lan.enters()
        await lan.enrols_key(key)
        await thief.knocks()
        await lan.knocks()
        assert (await thief.touches(key.sign(lan.options, ORIGIN))).status == 403  # signed for another half
        made = FakeKey()
        await lan.touches(key.sign(lan.options, ORIGIN))
        await lan.ask("GET", "/desk/me")
        await lan.ask("POST", "/desk/me/key", password=PASSWORD)
        answer = made.make(lan.options, ORIGIN)
        lan.later(minutes=11)
        assert (await lan.ask("POST", "/desk/me/key/confirm", answer=answer)).status == 403  # too late
        assert (await lan.ask("POST", "/desk/me/key/confirm", answer=answer)).status == 403


async def test_no_keys_where_a_browser_has_none(hotline: Hotline) -> None:
    hire(hotline, "lan")
    for address in ("https://192.0.2.7", "http://127.0.0.1:8080"):
        deps, _ = desk_deps(hotline, public_url=address)
        async with serving(deps) as http:
            lan = Person(http, hotline)
            await lan.enters()
            page = await lan.ask("GET", "/desk/me")
            assert "/desk/me/key" not in await page.text()
            assert (await lan.ask("POST", "/desk/me/key", password=PASSWORD)).status == 409


async def test_an_unlocked_phone_left_lying_is_not_enough(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        for path in ("/me/totp", "/me/key", "/me/codes", "/me/remove", "/me/password"):
            answer = await lan.ask(
                "POST", "/desk" + path, password="not hers at all, no", new="một câu mới thật dài đây"
            )
            assert answer.status == 403, path
        assert not [word for word in hotline.audit() if word.startswith(("staff.factor", "staff.password"))]
        for _ in range(4):
            answer = await lan.ask("POST", "/desk/me/totp", password="not hers at all, no")
        assert "15 phút" in await answer.text()
        assert "seed" not in await (await lan.ask("POST", "/desk/me/totp", password=PASSWORD)).text()


async def test_a_page_of_enrolment_is_worth_nothing_elsewhere_or_later(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan, other = Person(http, hotline), Person(http, hotline)
        await lan.enters()
        await other.enters()
        page = await lan.ask("POST", "/desk/me/totp", password=PASSWORD)
        text = await page.text()
        lan.seed = re.search(r'class="seed">([A-Z2-7 ]+)<', text)[1].replace(" ", "")  # type: ignore[index]
        ticket = Page(text).fields["ticket"]
        for who, sent in ((other, ticket), (lan, ticket[:-8] + "AAAAAAAA"), (lan, ""), (lan, "ă"), (lan, "x" * 9999)):
            answer = await who.ask("POST", "/desk/me/totp/confirm", ticket=sent, code=lan.code())
            assert answer.status == 403
        assert (await lan.ask("POST", "/desk/me/totp/confirm", ticket=ticket, code="000000")).status == 403
        assert (await lan.ask("POST", "/desk/me/totp/confirm", ticket=ticket, code=lan.code())).status == 200
        assert (await other.ask("GET", "/desk")).status == 303  # her other sessions are over


async def test_removing_the_last_factor_takes_the_codes_and_is_refused_where_the_role_needs_one(
    hotline: Hotline,
) -> None:
    hire(hotline, "lan")
    free, _ = desk_deps(hotline, public_url=ORIGIN)
    bound, _ = desk_deps(hotline, public_url=ORIGIN, second_factor_for=frozenset({Role.COUNSELLOR}))
    async with serving(free) as http, serving(bound) as strict:
        lan = Person(http, hotline)
        await lan.enters()
        codes = await lan.enrols_app()
        page = Page(await (await lan.ask("GET", "/desk/me")).text())
        factor = page.fields["factor"]
        lan.http = strict
        assert (await lan.ask("POST", "/desk/me/remove", password=PASSWORD, factor=factor)).status == 409
        lan.http = http
        assert (await lan.ask("POST", "/desk/me/remove", password=PASSWORD, factor="0" * 32)).status == 303
        assert (await lan.ask("POST", "/desk/me/remove", password=PASSWORD, factor=factor)).status == 303
        assert (await lan.knocks()).status == 303  # the password alone opens again
        assert (await lan.shows(codes[0])).status == 429


async def test_where_her_role_needs_one_she_is_led_to_it_and_then_in(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN, second_factor_for=frozenset({Role.COUNSELLOR}))
    async with serving(deps) as http:
        lan = Person(http, hotline)
        await lan.enters()
        answer = await lan.ask("GET", "/desk")
        assert (answer.status, answer.headers["Location"]) == (303, "/desk/me")
        await lan.enrols_app()
        assert (await lan.ask("GET", "/desk")).status == 200
        hotline.run(STAFFING.reset_factors, ResetFactors(name="lan"))
        assert (await lan.ask("GET", "/desk")).headers["Location"] == "/desk/sign-in"
        await lan.enters()  # the password alone leads to enrolling, and no further
        assert (await lan.ask("GET", "/desk")).headers["Location"] == "/desk/me"


async def test_she_chooses_her_own_password_and_everything_else_of_hers_ends(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan, elsewhere = Person(http, hotline), Person(http, hotline)
        await lan.enters()
        await elsewhere.enters()
        for new, said in (("ngắn", "15 ký tự"), ("mật khẩu mật khẩu 1", "đoán trước"), ("x" * 200, "dài quá")):
            answer = await lan.ask("POST", "/desk/me/password", password=PASSWORD, new=new)
            assert answer.status == 409
            assert said in await answer.text()
        answer = await lan.ask("POST", "/desk/me/password", password=PASSWORD, new="năm con trâu đi qua cầu tre")
        assert answer.headers["Location"] == "/desk/me?m=password_changed"
        assert (await elsewhere.ask("GET", "/desk")).status == 303
        assert (await lan.ask("GET", "/desk")).status == 200
        await elsewhere.enters()
        assert (await lan.ask("POST", "/desk/me/others")).status == 303
        assert (await elsewhere.ask("GET", "/desk")).status == 303
        assert {"staff.password_changed", "staff.other_sessions_ended"} <= set(hotline.audit())


async def test_she_is_told_that_somebody_has_her_password(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline, public_url=ORIGIN)
    async with serving(deps) as http:
        lan, thief = Person(http, hotline), Person(http, hotline)
        await lan.enters()
        codes = await lan.enrols_app()
        await lan.knocks()
        await lan.shows("000000")  # her own slip
        assert (await lan.shows(codes[0])).headers["Location"] == "/desk"
        await thief.knocks()
        await thief.shows("000000")
        await lan.knocks()
        told = await lan.shows(codes[1])
        assert told.headers["Location"] == "/desk?m=password_known"
        assert "đổi mật khẩu" in await (await lan.ask("GET", told.headers["Location"])).text()
        await lan.knocks()
        assert (await lan.shows(codes[2])).headers["Location"] == "/desk"  # once
