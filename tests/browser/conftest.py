"""Chromium and programs to look at. Without Chromium these tests are skipped with the reason, in CI they fail."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from aiohttp import web
from playwright.sync_api import Browser, expect, sync_playwright

from bot.config import Config
from bot.running import run_service
from bot.web.app import build_app
from bot.web.deps import WebDeps
from bot.web.runner import Runner
from bot.wiring import Service, open_service
from flows.languages import Spoken
from handlers.staffing import SetPassword
from tests.browser.looking import Visitors
from tests.fakes.hotline import Cellar, Hotline
from tests.unit.web.desk_fakes import desk_deps, password_hash
from tests.unit.web.fakes import make_deps

R = TypeVar("R")
NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHIN_S = (
    120  # what hangs is noticed; a start that takes three seconds alone took more than twenty beside a load of 17
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs it occupies this thread's event loop, and other tests need one.
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)  # a busy machine is no failure
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=WITHIN_S * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def visitors(chromium: Browser) -> Iterator[Visitors]:
    """Opens browsers for seekers and staff; at the end nothing may have been complained about in any of them."""
    visitors = Visitors(chromium)
    yield visitors
    visitors.leave()


class Running:
    """An event loop in a thread of its own, in which a program runs while the browser looks at it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WITHIN_S)

    def call(self, work: Any, *args: Any) -> Any:
        """Run a plain function inside the loop."""

        async def run() -> Any:
            return work(*args)

        return self.do(run())

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


class Served:
    """A page application that is listening."""

    def __init__(self, running: Running, deps: WebDeps) -> None:
        self._running = running
        self._runner = Runner(build_app(deps), shutdown_timeout=0.1)
        running.do(self._runner.setup())
        running.do(web.TCPSite(self._runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def close(self) -> None:
        """Stop answering, cutting what is open. Safe to repeat."""
        self._running.do(self._runner.cleanup())


class TalkPage(Served):
    """The seeker page over a little talk that does what the test says."""

    def __init__(self, running: Running) -> None:
        spoken = {"vi": Spoken("vi", "Tiếng Việt", True), "en": Spoken("en", "English", True)}
        self.deps, self.talk, self.door = make_deps(
            poll_s=5.0, look_s=1.0, exit_url="https://weather.example.org/", spoken=spoken.get
        )
        super().__init__(running, self.deps)


class DeskPage(Served):
    """The desk page over the real operations in memory."""

    def __init__(self, running: Running, hotline: Hotline) -> None:
        self.hotline = hotline
        deps, self.door = desk_deps(hotline)
        self.hub = deps.hub
        super().__init__(running, deps)


@pytest.fixture
def talk_page(running: Running, visitors: Visitors) -> Iterator[TalkPage]:
    page = TalkPage(running)
    yield page
    visitors.close()
    page.close()


@pytest.fixture(scope="session")
def own_cellar(running: Running) -> Cellar:
    """A database of the loop's own thread: one of another thread could not be used there."""
    return running.call(Cellar.dig)


@pytest.fixture
def desk_page(
    running: Running, visitors: Visitors, own_cellar: Cellar, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DeskPage]:
    monkeypatch.setattr("tests.fakes.hotline.cellar", lambda: own_cellar)
    hotline = running.call(Hotline)
    page = DeskPage(running, hotline)
    yield page
    visitors.close()
    page.close()
    running.call(hotline.close)


class Program:
    """The whole program in memory, with a counsellor who can sign in."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._opening = open_service(Config(), demo=True, in_memory=True)
        self.service: Service = running.do(self._opening.__aenter__())
        for name in ("tuvan", "giamsat"):
            reset = SetPassword(name=name, password_hash=password_hash())
            running.do(self.service.storage.door.run(self.service.staffing.set_password, reset))
        ready = running.call(asyncio.Event)
        self._task = running.call(lambda: running.loop.create_task(run_service(self.service, "127.0.0.1", 0, ready)))
        running.do(ready.wait())
        self.url = f"http://127.0.0.1:{self.service.port}"

    def close(self) -> None:
        async def end() -> None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self._opening.__aexit__(None, None, None)

        self._running.do(end())


@pytest.fixture(scope="module")
def program(running: Running) -> Iterator[Program]:
    program = Program(running)
    yield program
    program.close()
