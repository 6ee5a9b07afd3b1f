"""A staff member's browser on the desk page: signs in, keeps the cookie, sends what the page would send."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from yarl import URL

from tests.unit.web.desk_fakes import PASSWORD
from tests.unit.web.serving import OUR_PAGE, Page


class Browser:
    """One signed-in browser."""

    def __init__(self, http: TestClient[Any, Any]) -> None:
        self.http = http
        self.csrf = ""

    async def sign_in(self, name: str, password: str = PASSWORD, *, enrolling: bool = False) -> ClientResponse:
        """`enrolling`: her role needs a second factor she has not got yet."""
        posted = {"name": name, "password": password}
        answer = await self.http.post("/desk/sign-in", data=posted, headers=OUR_PAGE, allow_redirects=False)
        if answer.status == 303:
            if enrolling:
                await self.look("/desk/me")
                return answer
            first = await self.get("/desk")
            await self.look(first.headers["Location"] if first.status == 303 else "/desk")  # whose work is elsewhere
        return answer

    async def look(self, path: str) -> Page:
        """A page, whose token for forms is used from now on."""
        page = Page(await (await self.get(path)).text())
        self.csrf = next(attrs["content"] for attrs in page.all("meta") if attrs.get("name") == "csrf")
        return page

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.http.get(path, headers={"Accept": "text/html"}, allow_redirects=False, **more)

    async def page(self, path: str) -> Page:
        answer = await self.get(path)
        assert answer.status == 200, answer.status
        return Page(await answer.text())

    async def post(self, path: str, **fields: str) -> ClientResponse:
        """As a form without script."""
        posted = {"csrf": self.csrf, **fields}
        return await self.http.post(path, data=posted, headers=OUR_PAGE, allow_redirects=False)

    async def command(self, path: str, **fields: str) -> ClientResponse:
        """As the script."""
        headers = {**OUR_PAGE, "Accept": "application/json", "X-CSRF-Token": self.csrf}
        return await self.http.post(path, data=fields, headers=headers, allow_redirects=False)

    def token(self) -> str:
        return self._cookie("sid")

    def seen(self) -> str:
        """The mark of a browser that was here before."""
        return self._cookie("seen")

    def _cookie(self, name: str) -> str:
        return self.http.session.cookie_jar.filter_cookies(URL(self.http.make_url("/desk")))[name].value
