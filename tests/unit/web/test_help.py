"""The page that says how the desk is used: it names the buttons, marks, times and numbers that the desk really has."""

from __future__ import annotations

from bot.web.help_texts import sections
from bot.web.texts import DESK
from flows.severity import Severity
from handlers.model import OutboxState
from handlers.rules.ladder import LADDERS
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import Page, serving
from tests.unit.web.signed_in import Browser


async def test_it_stands_one_tap_from_the_list_and_from_a_case(hotline: Hotline) -> None:
    hire(hotline, "lan")
    case = hotline.writes(hotline.arrive("s1"), Severity.URGENT, "dv_physical")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        for path in ("/desk", f"/desk/cases/{case.code}"):
            links = {attrs["href"] for attrs in (await browser.page(path)).all("a")}
            assert "/desk/help" in links, path
        page: Page = await browser.page("/desk/help")
    for number in deps.numbers():
        assert f"{number.number} ({number.label})" in page.text


def test_every_fate_of_a_line_is_explained_under_the_name_it_has_there() -> None:
    told = "\n".join(line for _, lines in sections([("113", "Công an")]) for line in lines)
    missing = [one for one in OutboxState if one.value in DESK and f"“{DESK[one.value]}”" not in told]
    assert missing == []
    for name in ("claim", "pass_up", "offer", "release", "close", "banner_unconfirmed"):
        assert f"“{DESK[name]}”" in told, name
    for ladder in LADDERS.values():
        assert f"{ladder.first_reply_s} giây" in told
