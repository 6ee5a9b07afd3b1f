"""Pictures and voice notes at the desk: a link beside the line, the cleaned file for whoever holds the case, nobody else."""

from __future__ import annotations

import pytest
from aiohttp import ClientResponse

from handlers.media import Fetched, settle
from handlers.model import Case, Media, MediaKind, Role, new_uid
from tests.fakes.hotline import Hotline
from tests.unit.web.desk_fakes import desk_deps, hire
from tests.unit.web.serving import serving
from tests.unit.web.signed_in import Browser
from tests.unit.web.test_desk import desk, rings

SOUND, DOTS = b"OggS sound", b"\xff\xd8 dots"


def shows(hotline: Hotline, case: Case, kind: MediaKind = MediaKind.IMAGE) -> str:
    """Something she has sent beside her line; its uid."""
    media = Media(
        uid=new_uid(), case_uid=case.uid, seq=hotline.case(case).next_seq - 1, kind=kind, channel="tg", source="x",
        next_attempt_at=hotline.now, created_at=hotline.now,
    )  # fmt: skip
    hotline.do(lambda uow: uow.media.add(media))
    return media.uid


def settled(hotline: Hotline, uid: str, body: bytes | None = None, mime: str = "") -> None:
    hotline.run(settle, Fetched(uid=uid, body=body, mime=mime))


async def claims(browser: Browser, case: Case) -> None:
    assert (await browser.post(f"/desk/cases/{case.code}/claim", epoch="1")).status == 303


async def opens(browser: Browser, case: Case, uid: str) -> ClientResponse:
    return await browser.get(f"/desk/cases/{case.code}/media/{uid}")


@pytest.mark.parametrize(
    ("kind", "mime", "body", "how"),
    [
        (MediaKind.IMAGE, "image/jpeg", DOTS, "inline"),
        (MediaKind.VOICE, "audio/ogg", SOUND, "inline"),
        (MediaKind.VOICE, "audio/amr", SOUND, "attachment"),
    ],
)
async def test_whoever_holds_the_case_opens_it_by_the_link_beside_the_line(
    hotline: Hotline, kind: MediaKind, mime: str, body: bytes, how: str
) -> None:
    hire(hotline, "lan", alias="Hoa")
    case = rings(hotline)
    uid = shows(hotline, case, kind)
    settled(hotline, uid, body, mime)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        await claims(browser, case)
        page = await browser.page(f"/desk/cases/{case.code}")
        (link,) = [attrs["href"] for attrs in page.all("a") if "/media/" in attrs.get("href", "")]
        assert link == f"/desk/cases/{case.code}/media/{uid}"
        answer = await browser.get(link)
        assert (answer.status, await answer.read()) == (200, body)
    assert answer.content_type == mime
    assert answer.headers["Content-Disposition"].startswith(how)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert hotline.audit().count("case.media_read") == 1


async def test_what_is_on_its_way_or_was_refused_is_said(hotline: Hotline) -> None:
    hire(hotline, "lan", alias="Hoa")
    case = rings(hotline)
    uid = shows(hotline, case)
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        browser = await desk(http)
        await claims(browser, case)
        waits = await opens(browser, case, uid)
        assert (waits.status, "đang lấy tệp" in await waits.text()) == (404, True)
        settled(hotline, uid)
        refused = await opens(browser, case, uid)
        assert (refused.status, "Không mở được" in await refused.text()) == (404, True)
        page = await browser.page(f"/desk/cases/{case.code}")
        assert "Không mở được" in page.text
        assert "/media/" not in page.text
    assert "case.media_read" not in hotline.audit()


async def test_nobody_else_opens_it(hotline: Hotline) -> None:
    for name, role in (("lan", Role.COUNSELLOR), ("mai", Role.COUNSELLOR), ("chi", Role.SUPERVISOR)):
        hire(hotline, name, role, alias=name.title())
    case, other = rings(hotline), rings(hotline, "s2")
    uid = shows(hotline, case)
    settled(hotline, uid, DOTS, "image/jpeg")
    deps, _ = desk_deps(hotline)
    async with serving(deps, cookies=True) as http:
        await claims(await desk(http), case)
    for name in ("mai", "chi"):
        async with serving(deps, cookies=True) as http:
            browser = await desk(http, name)
            assert (await opens(browser, case, uid)).status == 403
            if name == "mai":
                await claims(browser, other)
                assert (await opens(browser, other, uid)).status == 404, "a picture of another talk"
    async with serving(deps, cookies=True) as http:
        assert (await opens(Browser(http), case, uid)).status in (303, 401)
    assert "case.media_read" not in hotline.audit()
