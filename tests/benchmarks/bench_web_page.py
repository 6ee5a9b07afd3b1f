"""What the seeker page weighs, and when its exit and numbers can be seen on a slow network.

Run: `make bench NAME=web_page`. Target: under 30 KB uncompressed with everything it loads. The second part needs Chromium; it is
shaped to 32 kbit/s down, 16 kbit/s up and 0.8 s for every answer (an edge of the second generation).
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import zlib
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot.channels.webchat import new_token  # noqa: E402
from bot.config import Config  # noqa: E402
from bot.web.tongues import tongues  # noqa: E402
from bot.wiring import open_service  # noqa: E402

TARGET = 30_000
RUNS = 5
SLOW = {"offline": False, "latency": 800, "downloadThroughput": 4_000, "uploadThroughput": 2_000}
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


async def weigh() -> list[str]:
    """One line for each page and language, with the shipped content."""
    from aiohttp.test_utils import TestClient, TestServer

    said = []
    async with (
        open_service(Config(), demo=True, in_memory=True) as service,
        TestClient(TestServer(service.app)) as http,
    ):
        working = asyncio.create_task(service.inbox.run())
        loaded = [await (await http.get(path)).read() for path in ("/page.js", "/icon.svg")]
        for language in tongues():
            shown = {
                "start": await http.post("/", data={"act": "home", "lang": language}),
                "talk, greeted": await http.post(
                    "/", data={"token": new_token(), "act": "start", "lang": language, "mid": new_token()}
                ),
                "about": await http.post("/about", data={"lang": language}),
            }
            for name, answer in shown.items():
                parts = [await answer.read(), *loaded]
                whole, packed = sum(map(len, parts)), sum(len(zlib.compress(part, 6)) for part in parts)
                said.append(f"web page, {name}, {language}: {whole:,} bytes, {packed:,} compressed (target {TARGET:,})")
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return said


def first_paint() -> str:
    """When something can be seen on the slow network; "" without Chromium."""
    browser = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    if browser is None:
        return ""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import Running, TalkPage

    running = Running()
    served = TalkPage(running)
    took = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(RUNS):
            page = chromium.new_page(viewport={"width": 360, "height": 740})
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", SLOW)
            page.goto(served.url)
            page.wait_for_timeout(200)
            took.append(page.evaluate(FIRST_PAINT))
            page.close()
        chromium.close()
    served.close()
    running.stop()
    return (
        f"web page, exit and numbers to be seen on the slow network: {median(took):,.0f} ms after the address was typed"
    )


def main() -> int:
    """Measure and print."""
    for line in asyncio.run(weigh()):
        print(line)
    print(first_paint() or "no Chromium here: the slow network is not measured")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
