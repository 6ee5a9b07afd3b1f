"""A token stands in the address of every call, and libraries quote addresses in what they raise: none gets past our clients.

The first tests show that the danger is real: without care the token is in the text of the exception or in its chain.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import pytest
from telegram.error import TelegramError

from bot.alarm import Alarm
from bot.channels.telegram_api import NotFetched
from handlers.model import Address, InboundMessage, Outgoing, Pin
from handlers.watching import Finding
from tests.canaries.plugin import logs
from tests.fakes.telegram import TOKEN
from tests.unit.channels.test_telegram import KINDS, SECRET_PART, _answering, make

ALARM_SECRET = "canary-secret-of-the-alarm"


def told(error: BaseException) -> str:
    """Everything an exception says, its causes and contexts included, however it is printed."""
    said = ["".join(traceback.format_exception(error))]
    left: list[BaseException] = [error]
    while left:
        one = left.pop()
        said += [str(one), repr(one), repr(one.args), repr(getattr(one, "__notes__", ""))]
        left += [more for more in (one.__cause__, one.__context__) if more is not None]
    return "\n".join(said)


async def _bare(kind: str, ask: Callable[[str], Awaitable[object]]) -> str:
    """What a library raises when nobody takes care, "" when nothing."""
    base_url, runner = await _answering(kind)
    try:
        await ask(f"{base_url}/bot{TOKEN}/getMe")
    except Exception as error:
        return told(error)
    finally:
        if runner is not None:
            await runner.cleanup()
    return ""


async def _by_aiohttp(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.get(url, raise_for_status=True) as answer:
        await answer.json()


async def _by_httpx(url: str) -> None:
    async with httpx.AsyncClient(follow_redirects=True) as http:
        (await http.get(url)).raise_for_status()


@pytest.mark.parametrize("ask", [_by_aiohttp, _by_httpx])
async def test_without_care_the_token_is_in_the_exception(ask: Callable[[str], Awaitable[object]]) -> None:
    leaks = [kind for kind in KINDS if SECRET_PART in await _bare(kind, ask)]
    logs.lines.clear()  # what the library itself logged of it is not the point here
    assert {"404", "500"} <= set(leaks), leaks


async def _nobody(*messages: InboundMessage) -> None:
    """Receives nothing."""


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_is_asked_of_telegram_no_exception_and_no_log_has_it(kind: str) -> None:
    base_url, runner = await _answering(kind)
    hook = {"mode": "webhook", "webhook_secret": "canary-webhook-secret", "webhook_url": "https://example.org/hook"}
    polling, hooked = make(base_url=base_url), make(base_url=base_url, **hook)
    her, pin = Address("tg", "42"), Pin(title="Nơi số 1", note="x", lat=22.3, lon=103.4)
    raised: list[BaseException] = []

    async def trying(work: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(1.0):
                await work
        except TimeoutError:
            pass  # it goes on trying, which is right
        except Exception as error:
            raised.append(error)

    try:
        await trying(polling.send(her, Outgoing(text="một dòng", pins=(pin,))))
        await trying(polling.api.updates(0, 0))
        await trying(polling.api.ask(lambda bot: bot.answer_callback_query("7")))
        await trying(polling.run(_nobody))
        await trying(hooked.run(_nobody))
    finally:
        await polling.close()
        await hooked.close()
        if runner is not None:
            await runner.cleanup()
    assert [type(error) for error in raised] in ([], [NotFetched])
    said = "\n".join([*(told(error) for error in raised), *logs.lines, repr(polling), repr(hooked)])
    assert SECRET_PART not in said
    assert "canary-webhook-secret" not in said
    assert "poll_failed" in said, "it was quiet: this proves nothing"
    assert not any(isinstance(error, TelegramError) for error in raised)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_auditors_addresses_are_secrets_as_well(kind: str) -> None:
    base_url, runner = await _answering(kind)
    alarm = Alarm(f"{base_url}/{ALARM_SECRET}", f"{base_url}/{ALARM_SECRET}")
    try:
        arrived = await alarm.send("alarm", [Finding("line-unsent", 1, 70)])
        pinged = await alarm.ping()
    finally:
        if runner is not None:
            await runner.cleanup()
    good = kind in ("bad json", "html", "wrong shape")  # whatever the operator's gateway says, it has heard
    assert (arrived, pinged) == (good, good)
    assert (alarm.alarm, alarm.ping_state) == (("arrived",) * 2 if good else ("failed",) * 2)
    said = "\n".join([*logs.lines, repr(alarm)])
    assert "auditor.alarm" in said
    assert ALARM_SECRET not in said


async def test_an_alarm_that_cannot_be_an_address_says_nothing_of_it() -> None:
    for broken in (f"ftp://x/{ALARM_SECRET}", f"http://[{ALARM_SECRET}", f"{ALARM_SECRET}"):
        assert not await Alarm(broken).send("alarm", [])
    assert ALARM_SECRET not in "\n".join(logs.lines)
