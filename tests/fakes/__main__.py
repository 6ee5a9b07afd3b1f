"""Play phones against the bot by hand: every fake platform at once, on the loopback.

    python -m tests.fakes [--folder DIR] [--bot URL] [--port FIRST] [--topics]

Starts Telegram, a Zalo Official Account, the Zalo Bot Platform and an SMS gateway, and writes a configuration for them into DIR
(default ./var/fakes) together with the secrets. In another terminal start the bot with it, as it says. Then hold a phone:

    t, o, b            the seeker's: Telegram, Zalo Official Account, Zalo Bot
    g1, g2             a staff member's, with the staff group of Telegram open (write `#CODE text` into a topic)
    any text           is written on the phone you hold; a number presses that button where there are buttons
    /place LAT LON     share a point            /photo FILE   /voice FILE   send a file
    /other             send what cannot be read /edit TEXT    change the last message
    /block             block the bot            /fail         the platform refuses the next message
    /quit              end (as Ctrl-D does)

Nothing here is real: no message leaves this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes import pager, telegram, zalo_bot, zalo_oa
from tests.fakes.pager import FakePager
from tests.fakes.phones import CannotDo, GroupPhone, Phone, TelegramPhone, ZaloBotPhone, ZaloOaPhone, press_somehow
from tests.fakes.telegram import FakeTelegram, Fault
from tests.fakes.zalo_bot import FakeZaloBot
from tests.fakes.zalo_oa import FakeZaloOa

GROUP = -1001234567890
HOLD = {"t": "telegram", "o": "zalo", "b": "zalo-bot", "g1": "g1", "g2": "g2"}
LOOK_EVERY_S = 0.2


@dataclass
class Platforms:
    """All fakes, running."""

    telegram: FakeTelegram = field(default_factory=FakeTelegram)
    zalo: FakeZaloOa = field(default_factory=FakeZaloOa)
    zalo_bot: FakeZaloBot = field(default_factory=FakeZaloBot)
    pager: FakePager = field(default_factory=FakePager)

    async def start(self, first_port: int = 0) -> Platforms:
        """On four ports in a row (0: free ones)."""
        ports = itertools.count(first_port) if first_port else itertools.repeat(0)
        await self.telegram.start(next(ports))
        await self.zalo.start(next(ports))
        await self.zalo_bot.start(next(ports))
        await self.pager.start(next(ports))
        self.telegram.group(GROUP)
        return self

    async def stop(self) -> None:
        await asyncio.gather(self.telegram.stop(), self.zalo.stop(), self.zalo_bot.stop(), self.pager.stop())

    def phones(self) -> dict[str, Phone]:
        """A phone on each platform, and two of staff, by name."""
        held: list[Phone] = [
            TelegramPhone(self.telegram),
            ZaloOaPhone(self.zalo),
            ZaloBotPhone(self.zalo_bot),
            GroupPhone(self.telegram, GROUP, 901, "g1"),
            GroupPhone(self.telegram, GROUP, 902, "g2"),
        ]
        return {phone.name: phone for phone in held}

    def written(self, folder: Path, *, topics: bool = False) -> list[str]:
        """The configuration of a bot with all of them, as lines of YAML; its secrets are put into `folder`."""
        secrets = {
            "telegram": telegram.TOKEN, "zalo-app": zalo_oa.APP_SECRET, "zalo-oa": zalo_oa.OA_SECRET,
            "zalo-refresh": self.zalo.refresh, "zalo-bot": zalo_bot.TOKEN, "pager": pager.SECRET,
        }  # fmt: skip
        for name, value in secrets.items():
            (folder / name).write_text(value)
            (folder / name).chmod(0o600)
        at = {name: f"'file:{folder / name}'" for name in secrets}
        return [
            "channels:",
            f"  - {{name: telegram, platform: telegram, token: {at['telegram']}, base_url: '{self.telegram.base_url}',",
            f"     staff_group: {{chat_id: {GROUP}, relay_content: {'yes' if topics else 'no'}}}}}",
            f"  - {{name: zalo, platform: zalo-oa, app_id: '{zalo_oa.APP_ID}', oa_id: '{zalo_oa.OA_ID}',",
            f"     app_secret: {at['zalo-app']}, webhook_secret: {at['zalo-oa']},",
            f"     refresh_token: {at['zalo-refresh']},",
            f"     base_url: '{self.zalo.base_url}', oauth_url: '{self.zalo.base_url}'}}",
            f"  - {{name: zalo-bot, platform: zalo-bot, token: {at['zalo-bot']},",
            f"     base_url: '{self.zalo_bot.base_url}', staff_pages: yes}}",
            f"pager: {{url: '{self.pager.url}', secret: {at['pager']}}}",
            "media: {from_seekers: yes}",
        ]


# --- by hand ---------------------------------------------------------------------------------------------------------------


class Hand:
    """Who holds the phones, in a terminal."""

    def __init__(self, platforms: Platforms) -> None:
        self.platforms, self.phones = platforms, platforms.phones()
        self.held = self.phones["telegram"]
        self._shown = dict.fromkeys(self.phones, 0)
        self._pages = self._alerts = 0

    def news(self) -> list[str]:
        """What phones show that has not been told yet."""
        told = []
        for name, phone in self.phones.items():
            if name == "g2":
                continue  # the same group
            fresh = phone.shows()[self._shown[name] :]
            self._shown[name] = max(self._shown[name], len(phone.shows()))
            for one in fresh:
                told.append(f"\n{'group' if name == 'g1' else name} < {one.text}")
                told += [f"    [{number}] {label}" for number, label in enumerate(one.buttons, start=1)]
        for page in list(self.platforms.pager.taken.values())[self._pages :]:
            self._pages += 1
            told.append(f"\nSMS to {page['staff']} < {page['text']}")
        for _, answer in self.platforms.telegram.alerts[self._alerts :]:
            self._alerts += 1
            if answer != "✓":
                told.append(f"\ngroup, answer to the press < {answer}")
        return told

    async def does(self, line: str) -> str:
        """Carry out one line; what to say about it, "" for nothing."""
        word, _, rest = line.strip().partition(" ")
        if line.strip() in HOLD:
            self.held = self.phones[HOLD[line.strip()]]
            return f"you hold {self.held.name}"
        try:
            return await self._does(word, rest.strip(), line.strip())
        except CannotDo as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"not done: {error}"

    async def _does(self, word: str, rest: str, line: str) -> str:
        match word:
            case "":
                pass
            case "/place":
                lat, lon = (float(part) for part in rest.split())
                await self.held.shares(lat, lon)
            case "/photo" | "/voice":
                content = await asyncio.to_thread(Path(rest).read_bytes)
                await self.held.sends_file(content, voice=word == "/voice")
            case "/other":
                await self.held.sends_other()
            case "/edit":
                await self.held.edits(rest)
            case "/block":
                await self.held.blocks()
            case "/fail":
                self.platforms.telegram.faults.append(Fault("500"))
                self.platforms.zalo.faults.append("500")
                self.platforms.zalo_bot.faults.append("500")
            case _:
                if not (line.isdecimal() and await press_somehow(self.held, int(line))):
                    await self.held.types(line)
        return ""


def not_as_before(platforms: Platforms) -> None:
    """Numbers of messages go on from the last time, or the bot would take them for what it has already had."""
    now = int(time.time())
    platforms.telegram._update_ids = itertools.count(now)
    platforms.telegram._message_ids = itertools.count(now % 1_000_000 * 1000)
    platforms.zalo._ids = platforms.zalo_bot._ids = itertools.count(now * 1000)


def remember_tokens(platforms: Platforms, kept: Path) -> None:
    """The account's tokens outlive the fake, as they do in earnest: the bot keeps its side of them."""
    tokens = [platforms.zalo.refresh, platforms.zalo.access, platforms.zalo.access_until, sorted(platforms.zalo.spent)]
    kept.write_text(json.dumps(tokens))


def recall_tokens(platforms: Platforms, kept: Path) -> None:
    """As they were when the fake ended."""
    if kept.exists():
        refresh, access, until, spent = json.loads(kept.read_text())
        platforms.zalo.refresh, platforms.zalo.access, platforms.zalo.access_until = refresh, access, until
        platforms.zalo.spent = set(spent)


def prepare(platforms: Platforms, folder: Path, bot: str, *, topics: bool) -> Path:
    """Write the configuration; where it is."""
    lines = [
        "# Written by `python -m tests.fakes`, anew at each start.",
        "var: data",
        *platforms.written(folder, topics=topics),
    ]
    listen = bot.removeprefix("http://").rstrip("/")
    config = folder / "config.yaml"
    config.write_text("\n".join([*lines, f"listen: {listen}", f"web: {{public_url: '{bot}'}}"]) + "\n")
    platforms.zalo.webhook = f"{bot.rstrip('/')}/webhooks/zalo-oa/zalo"
    return config


async def play(asked: argparse.Namespace) -> None:
    """Until the hand has enough."""
    platforms = Platforms()
    folder: Path = asked.folder
    not_as_before(platforms)
    recall_tokens(platforms, folder / "tokens.json")
    await platforms.start(asked.port)
    config = prepare(platforms, folder, asked.bot, topics=asked.topics)
    print(
        f"{__doc__}\nThe bot:      python -m bot serve --config {config}\n"
        f"Staff, once:  python -m bot staff add tuvan --alias Hoa --role counsellor --config {config}\n"
        f"The group:    python -m bot staff bind tuvan --config {config}   and write what it says as g1\n"
    )
    hand = Hand(platforms)
    loop = asyncio.get_running_loop()
    reading = loop.run_in_executor(None, sys.stdin.readline)
    try:
        while True:
            for line in hand.news():
                print(line, flush=True)
            remember_tokens(platforms, folder / "tokens.json")
            done, _ = await asyncio.wait([reading], timeout=LOOK_EVERY_S)
            if not done:
                continue
            line = reading.result()
            if not line or line.strip() == "/quit":
                break
            said = await hand.does(line)
            if said:
                print(said, flush=True)
            reading = loop.run_in_executor(None, sys.stdin.readline)
    finally:
        await platforms.stop()


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(
        "python -m tests.fakes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("var/fakes"), help="where the configuration is written")
    parser.add_argument("--bot", default="http://127.0.0.1:8080", help="where the bot listens")
    parser.add_argument("--port", type=int, default=8081, help="the first of four ports in a row; 0: free ones")
    parser.add_argument("--topics", action="store_true", help="show talks in topics of the staff group")
    asked = parser.parse_args(words)
    asked.folder = asked.folder.resolve()
    asked.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(play(asked))


if __name__ == "__main__":
    main()
