"""The terminal chat: the seeker page for the keyboard. Talks to a running `serve` over HTTP, or to one of its own in memory."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.channels.webchat import new_message_key, new_token
from bot.config import Config
from bot.wiring import open_service, run_service

FIND_WITHIN_S = 1.0
RETRY_S = 1.0


async def chat(config: Config) -> None:
    """Talk until the end of input. Prefers the running service of this configuration."""
    host, port = config.address
    base = f"http://{host}:{port}"
    if await _answers(base):
        print(f"(talking to the running service at {base}; Ctrl-D ends)")
        await Talk(base).run()
        return
    print("(no service is running here: talking to one in memory, nothing is kept; Ctrl-D ends)")
    async with open_service(config, demo=True, in_memory=True) as service:
        ready = asyncio.Event()
        serving = asyncio.create_task(run_service(service, "127.0.0.1", 0, ready))
        await ready.wait()
        try:
            await Talk(f"http://127.0.0.1:{service.port}").run()
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _answers(base: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FIND_WITHIN_S)) as session,
            session.get(f"{base}/healthz") as answer,
        ):
            return answer.status == 200 and (await answer.text()).strip() == "ok"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


@dataclass
class Talk:
    """One conversation in the terminal."""

    base: str
    token: str = field(default_factory=new_token, repr=False)
    after: int = 0
    buttons: list[dict[str, str]] = field(default_factory=list, repr=False)
    human: bool = False

    async def run(self) -> None:
        """Read lines, send them, show what comes, until the end of input."""
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession() as session:
            await self._post(session, {"act": "start"})
            listening = asyncio.create_task(self._listen(session))
            try:
                while True:
                    line = await loop.run_in_executor(None, sys.stdin.readline)
                    if not line:
                        break
                    if line.strip():
                        await self._post(session, self._fields(line.rstrip("\n")))
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def _fields(self, line: str) -> dict[str, str]:
        """A number presses that button; anything else is typed."""
        number = line.strip()
        if number.isascii() and number.isdigit() and 1 <= int(number) <= len(self.buttons):
            return {"choice": self.buttons[int(number) - 1]["data"]}
        return {"text": line}

    async def _post(self, session: aiohttp.ClientSession, fields: dict[str, str]) -> None:
        """Send until it is stored: the same key makes one message of all tries."""
        key = new_message_key()
        while True:
            sent = {"token": self.token, "mid": key, "after": str(self.after), **fields}
            try:
                async with session.post(self.base, data=sent, headers={"Accept": "application/json"}) as answer:
                    if answer.status == 200:
                        self._show(await answer.json())
                        return
            except aiohttp.ClientError:
                pass
            print("(not sent yet, trying again …)", flush=True)
            await asyncio.sleep(RETRY_S)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        while True:
            sent = {"token": self.token, "after": str(self.after), "human": str(int(self.human))}
            try:
                async with session.post(f"{self.base}/poll", data=sent) as answer:
                    self._show(await answer.json())
            except (aiohttp.ClientError, ValueError):
                await asyncio.sleep(RETRY_S)

    def _show(self, seen: dict[str, Any]) -> None:
        """Print new lines once, whichever of the two requests brought them."""
        self.human = bool(seen.get("human"))
        for line in seen["lines"]:
            if line["seq"] <= self.after:
                continue
            self.after = line["seq"]
            if line["who"] == "me":
                continue
            who = "người" if line["who"] == "person" else "máy"
            print(f"\n{who}: {line['text']}")
            if line["buttons"]:
                self.buttons = line["buttons"]
                for number, button in enumerate(self.buttons, start=1):
                    print(f"   {number}. {button['label']}")
        sys.stdout.flush()
