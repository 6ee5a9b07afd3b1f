"""The terminal chat: the seeker page for the keyboard. Talks to a running `serve` over HTTP, or to one of its own in memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.channels.webchat import new_message_key, new_token
from bot.config import Config
from bot.running import run_service
from bot.shipped import content_files
from bot.wiring import open_service
from flows.loader import MANIFEST, load
from flows.recording import Recording
from handlers.errors import BinhAnError

FIND_WITHIN_S = 1.0
RETRY_S = 1.0


class NotInTheSet(BinhAnError):
    """The content has no such flow or language; take one of those it has."""

    code = "not-in-the-set"


class NotSaved(BinhAnError):
    """The talk cannot be saved there; give a new file in a folder that exists."""

    code = "not-saved"


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants to try the conversation."""

    content: Path | None = None  # a draft, always played in memory
    save: Path | None = None  # gets the talk as a transcript at the end
    flow: str | None = None  # begin here instead of at the greeting; always in memory
    language: str | None = None  # choose this one first


async def chat(config: Config, wish: Wish = Wish()) -> None:
    """Talk until the end of input. Prefers the running service of this configuration; a draft and a single flow are played in
    memory. Raises NotSaved or NotInTheSet at once.
    """
    save, first = wish.save, _first_words(config, wish)
    if save is not None:
        _claim(save)
    recording = Recording(f"Ghi lại: {save.name.split('.')[0]}") if save is not None else None
    try:
        with _beginning_at(config, wish) as content:
            async with _somebody(config, content, wish.flow or "") as base:
                await Talk(base, recording=recording).run(first)
    finally:
        if save is not None and recording is not None:
            _keep(save, recording.text())


def _first_words(config: Config, wish: Wish) -> str:
    """What is typed for her first, to choose a language: its name."""
    library = load(content_files(wish.content or config.content)).library
    if library is None:
        return ""  # opening the content says what is wrong with it
    if wish.flow is not None and wish.flow not in library.flows:
        raise NotInTheSet(f"flow {wish.flow}; there are: {', '.join(sorted(library.flows))}")
    if wish.language is None or wish.language == library.manifest.language:
        return ""
    if wish.language not in library.languages:
        raise NotInTheSet(
            f"language {wish.language}; there are: {', '.join(library.languages) or library.manifest.language}"
        )
    return library.languages[wish.language].name


@contextlib.contextmanager
def _beginning_at(config: Config, wish: Wish) -> Iterator[Path | None]:
    """The folder to play: a copy that begins at another flow when one is wished for."""
    if wish.flow is None:
        yield wish.content
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, content in content_files(wish.content or config.content).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == MANIFEST:
                content = re.sub(rb"(?m)^entry:.*$", f"entry: {wish.flow}".encode(), content, count=1)
            path.write_bytes(content)
        yield Path(folder)


def _claim(save: Path) -> None:
    """Make the file now, so that nobody plays a long talk in vain."""
    try:
        with save.open("x", encoding="utf-8"):
            pass
    except OSError as error:
        raise NotSaved(f"{save}: {error.strerror}") from None


def _keep(save: Path, text: str) -> None:
    if not text:
        save.unlink(missing_ok=True)  # nothing was said: leave nothing behind
        return
    save.write_text(text, encoding="utf-8")
    print(f"(saved as {save}; read it, add what matters, then run: flows test)")


@asynccontextmanager
async def _somebody(config: Config, content: Path | None, flow: str = "") -> AsyncIterator[str]:
    """The address of a service to talk to: the running one, else one in memory."""
    host, port = config.address
    base = f"http://{host}:{port}"
    if content is None and await _answers(base):
        print(f"(talking to the running service at {base}; Ctrl-D ends)")
        yield base
        return
    if content is None:
        print("(no service is running here: talking to one in memory, nothing is kept; Ctrl-D ends)")
    elif flow:
        print(f"(trying flow {flow} alone, in memory: nothing is published, nothing is kept; Ctrl-D ends)")
    else:
        print(f"(trying the draft in {content}, in memory: nothing is published, nothing is kept; Ctrl-D ends)")
    async with open_service(_alone(config, content), demo=True, in_memory=True) as service:
        ready = asyncio.Event()
        serving = asyncio.create_task(run_service(service, "127.0.0.1", 0, ready))
        await ready.wait()
        try:
            yield f"http://127.0.0.1:{service.port}"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def _alone(config: Config, content: Path | None) -> Config:
    """For a service in memory: no channel, or it would take real people's messages away and forget them; and no roster."""
    return config.model_copy(update={"channels": [], "roster": None, "content": content or config.content})


async def _answers(base: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FIND_WITHIN_S)) as session,
            session.get(f"{base}/healthz") as answer,
        ):
            return answer.status == 200 and (await answer.text()).strip() == "ok"
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _typed_lines() -> asyncio.Queue[str]:
    """What is typed, line by line; "" at the end of input. Read on a thread of its own that nobody has to wait for, so that
    Ctrl-C ends the talk at once.
    """
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the talk is over, its loop closed
            while line := sys.stdin.readline():
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, name="typed-lines", daemon=True).start()
    return lines


@dataclass
class Talk:
    """One conversation in the terminal."""

    base: str
    token: str = field(default_factory=new_token, repr=False)
    after: int = 0
    buttons: list[dict[str, str]] = field(default_factory=list, repr=False)
    human: bool = False
    recording: Recording | None = field(default=None, repr=False)

    async def run(self, first: str = "") -> None:
        """Read lines, send them, show what comes, until the end of input; `first` is typed for her at the beginning."""
        async with aiohttp.ClientSession() as session:
            await self._post(session, {"act": "start"})
            if first:
                await self._post(session, self._fields(first))
            listening = asyncio.create_task(self._listen(session))
            typed = _typed_lines()
            try:
                while line := await typed.get():
                    if line.strip():
                        await self._post(session, self._fields(line.rstrip("\n")))
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def _fields(self, line: str) -> dict[str, str]:
        """A number presses that button; anything else is typed."""
        number = line.strip()
        if number.isascii() and number.isdigit() and 1 <= int(number) <= len(self.buttons):
            button = self.buttons[int(number) - 1]
            if self.recording is not None:
                self.recording.pressed(button["label"])
            return {"choice": button["data"]}
        if self.recording is not None:
            self.recording.typed(line)
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
                    if answer.status < 500:
                        print(f"(the service does not take this: {answer.status})", flush=True)
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            print("(not sent yet, trying again …)", flush=True)
            await asyncio.sleep(RETRY_S)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        while True:
            sent = {"token": self.token, "after": str(self.after), "human": str(int(self.human))}
            try:
                async with session.post(f"{self.base}/poll", data=sent) as answer:
                    self._show(await answer.json())
            except (aiohttp.ClientError, TimeoutError, ValueError):
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
            if self.recording is not None and who == "máy":
                self.recording.heard(line["text"], tuple(button["label"] for button in line["buttons"]))
            if line["buttons"]:
                self.buttons = line["buttons"]
                for number, button in enumerate(self.buttons, start=1):
                    print(f"   {number}. {button['label']}")
        sys.stdout.flush()
