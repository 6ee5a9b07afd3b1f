"""Forms tell a password manager whose password they ask for, and which one is new."""

from __future__ import annotations

import re

from handlers.model import Role
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import Page, serving
from tests.unit.web.signed_in import Browser

FORM = re.compile(r"<form.*?</form>", re.DOTALL)


async def test_each_password_stands_beside_the_name_it_belongs_to(hotline: Hotline) -> None:
    hire(hotline, "lan", Role.SUPERVISOR)
    hire(hotline, "mai", Role.EDITOR, alias="Mai")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = Browser(http)
        door = await (await browser.get("/desk/sign-in")).text()
        await browser.sign_in("lan")
        pages = [await (await browser.get(path)).text() for path in ("/desk/me", "/desk/staff")]
    asked = []
    for form in FORM.findall(door + "".join(pages)):
        inputs = Page(form).all("input")
        if not any(one.get("type") == "password" for one in inputs):
            continue
        meant = [one["autocomplete"] for one in inputs if "autocomplete" in one]
        (name,) = [one for one in inputs if one.get("autocomplete") == "username"]
        asked.append((name.get("value"), meant))
    here = ["username", "current-password"]
    assert asked[0] == ("", here)
    assert ("lan", [*here, "new-password"]) in asked
    assert asked.count(("lan", here)) == 2  # before adding an app, and before acting on a colleague's account
