"""Another session key costs what the documentation says: pages are loaded anew, and nobody is signed out."""

from __future__ import annotations

from dataclasses import replace

from yarl import URL

from bot.channels.webchat import new_token
from bot.web.leaving import ticket, token_of
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser


async def test_whoever_is_signed_in_stays_so_and_loads_the_page_anew(hotline: Hotline) -> None:
    hire(hotline, "lan")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        await browser.sign_in("lan")
        cookies = {"sid": browser.token()}
        old_form = browser.csrf
        assert (await browser.command("/desk/duty", duty="off")).status in (200, 204)
    deps = replace(deps, page_key=bytes(reversed(deps.page_key)))
    async with serving(deps, cookies=True) as http:
        http.session.cookie_jar.update_cookies(cookies, URL(str(http.make_url("/desk"))))
        browser = Browser(http)
        browser.csrf = old_form
        assert (await browser.command("/desk/duty", duty="off")).status == 403
        await browser.look("/desk")
        assert browser.csrf != old_form
        assert (await browser.command("/desk/duty", duty="off")).status in (200, 204)


def test_the_exit_of_a_page_from_before_ends_no_stay_any_more() -> None:
    sent = ticket(bytes(32), new_token())
    assert token_of(bytes(32), sent)
    assert token_of(bytes(range(32)), sent) == ""
