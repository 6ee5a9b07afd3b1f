"""`channels check` says in words what is fine and what is not, and never a secret."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from bot.cli import channels
from bot.cli.channels import app
from handlers.alarms import QUOTA_LOW, Alarm, sound
from handlers.vaulting import alone
from storage.open import open_storage
from tests.fakes import pager, telegram, zalo_bot, zalo_oa
from tests.fakes.pager import FakePager
from tests.fakes.telegram import FakeTelegram
from tests.fakes.zalo_bot import FakeZaloBot
from tests.fakes.zalo_oa import FakeZaloOa


@pytest.fixture(autouse=True)
def only_errors_are_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As the command sets it up, without the hooks of a whole process."""

    def quiet(level: str) -> None:
        assert level == "error"
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    monkeypatch.setattr(channels, "set_up_logs", quiet)
    yield
    structlog.reset_defaults()


class Platforms:
    """All fake platforms, on a loop of their own: the command has one for itself."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.telegram = self.run(FakeTelegram().start())
        self.zalo_bot = self.run(FakeZaloBot().start())
        self.zalo_oa = self.run(FakeZaloOa().start())
        self.pager = self.run(FakePager().start())

    def run(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(20)

    def close(self) -> None:
        for fake in (self.telegram, self.zalo_bot, self.zalo_oa, self.pager):
            self.run(fake.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture
def platforms() -> Iterator[Platforms]:
    one = Platforms()
    yield one
    one.close()


SECRETS = {
    "telegram": telegram.TOKEN, "zb": zalo_bot.TOKEN, "app": zalo_oa.APP_SECRET, "oa": zalo_oa.OA_SECRET,
    "refresh": zalo_oa.FIRST_REFRESH, "pager": pager.SECRET,
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, platforms: Platforms) -> Path:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)
    path = tmp_path / "config.yaml"
    path.write_text(
        f"""
var: var
channels:
  - {{name: tg, platform: telegram, token: 'file:{tmp_path}/telegram', base_url: '{platforms.telegram.base_url}'}}
  - {{name: zb, platform: zalo-bot, token: 'file:{tmp_path}/zb', base_url: '{platforms.zalo_bot.base_url}'}}
  - name: zalo
    platform: zalo-oa
    app_id: '{zalo_oa.APP_ID}'
    app_secret: 'file:{tmp_path}/app'
    webhook_secret: 'file:{tmp_path}/oa'
    refresh_token: 'file:{tmp_path}/refresh'
    base_url: '{platforms.zalo_oa.base_url}'
    oauth_url: '{platforms.zalo_oa.base_url}'
pager: {{url: '{platforms.pager.url}', secret: 'file:{tmp_path}/pager'}}
""",
        encoding="utf-8",
    )
    return path


def check(config: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", "--config", str(config)], catch_exceptions=False)
    assert not [secret for secret in SECRETS.values() if secret in result.output]
    return result.exit_code, result.output


def test_every_channel_and_the_pager_is_asked(config: Path) -> None:
    code, said = check(config)
    lines = [line for line in said.splitlines() if line.startswith(("ok  ", "WRONG"))]
    assert {line.split(": ")[0].split()[-1] for line in lines} == {"web", "tg", "zb", "zalo", "pager"}
    wrong = [line for line in lines if line.startswith("WRONG")]
    assert wrong == ["WRONG  zalo: web.public_url is no https address: Zalo cannot bring anything here"]
    assert code == 1


def test_what_fails_is_said_with_what_to_do(config: Path, platforms: Platforms) -> None:
    platforms.telegram.away = platforms.zalo_bot.away = True
    platforms.zalo_oa.refresh = "somebody-else-has-it"
    platforms.pager.faults.append("500")
    code, said = check(config)
    assert code == 1
    for words in (
        "tg: Telegram does not answer",
        "zb: Zalo does not answer",
        "zalo: no access token",
        "pager: the gateway",
    ):
        assert words in said


def test_a_standing_alarm_is_said_too(config: Path, tmp_path: Path) -> None:
    async def raise_it() -> None:
        storage = open_storage(tmp_path / "var" / "data.db")
        await alone(storage.door, lambda uow: sound(uow, Alarm("zb", QUOTA_LOW)))
        await storage.close()

    asyncio.run(raise_it())
    _, said = check(config)
    assert "WRONG  zb: alarm quota-low since" in said


def test_without_channels_only_the_page_is_there(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("var: var\n", encoding="utf-8")
    code, said = check(path)
    assert (code, said) == (0, "ok     web: the page is served by this program itself\n")
