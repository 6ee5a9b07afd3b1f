"""From a messenger to the page and back with a return code, through the whole program, and what lies on disk afterwards."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from handlers.return_codes import normal
from tests.e2e.harness import Page, Program, eventually, program

CHAT = 7_418_529_630
TEXT = "chồng em đánh em"
CODE = re.compile(r"Mã của bạn: ([0-9 ]+)")


async def press(running: Program, label: str) -> None:
    """Press the newest button of that label on her phone, once it is there."""

    async def there() -> bool:
        newest = [message.buttons for message in running.telegram.of(CHAT) if message.buttons]
        return bool(newest) and label in str(newest[-1])

    await eventually(there, what=f"button {label!r}")
    running.telegram.presses(CHAT, label)


async def get_code(running: Program) -> str:
    """She writes on the messenger, and asks for a code."""
    phone = running.telegram
    phone.types(CHAT, "/start")
    for label in ("Có", "Bỏ qua"):
        await press(running, label)
    phone.types(CHAT, TEXT)
    for label in ("Mã quay lại, riêng tư, góp ý", "Lấy mã quay lại"):
        await press(running, label)
    await eventually(lambda: any(CODE.search(message.text) for message in phone.of(CHAT)))
    found = next(found for message in phone.of(CHAT) if (found := CODE.search(message.text)))
    told = len(phone.of(CHAT))
    await press(running, "Tôi đã ghi lại")
    await eventually(lambda: len(phone.of(CHAT)) > told)
    return found[1].strip()


def on_disk(folder: Path) -> list[tuple[str, sqlite3.Row]]:
    """Every row of every table of the data file, as it lies there."""
    with sqlite3.connect(folder / "data.db") as database:
        database.row_factory = sqlite3.Row
        names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [(name, row) for name in names for row in database.execute(f'SELECT * FROM "{name}"')]


async def test_a_code_from_a_messenger_opens_the_talk_on_the_page(tmp_path: Path) -> None:
    async with program(tmp_path) as running:
        code = await get_code(running)
        assert len(normal(code)) == 12
        sent = len(running.telegram.of(CHAT))
        before = [row["lookup"] for name, row in on_disk(tmp_path / "var") if name == "contacts"]
        assert len(before) == 1
        page = Page(running)
        await page.begin()
        greeting = [line["text"] for line in page.lines]
        await page.types("0123 4567 8901")
        assert not any("Mình nhận mã rồi" in line["text"] for line in page.lines)
        await page.types(code)
        await page.sees("Mình nhận mã rồi")
        assert not any("đánh" in line["text"] for line in page.lines), "nothing of the earlier talk is shown"
        assert greeting

        async def forgotten() -> bool:
            contacts = [row for name, row in on_disk(tmp_path / "var") if name == "contacts"]
            return len(contacts) == 1 and contacts[0]["channel"] == "web"

        await eventually(forgotten)
        rows = on_disk(tmp_path / "var")
        cases = [row for name, row in rows if name == "cases" and row["closed_at"] is None]
        assert len(cases) == 1
        assert cases[0]["channel"] == "web"
        for name, row in rows:
            words = " ".join(str(value) for value in tuple(row))
            assert before[0] not in words, name
            assert str(CHAT) not in words, name
            assert page.token not in words, name
        running.telegram.types(CHAT, "còn ai ở đó không")
        await eventually(lambda: len(running.telegram.of(CHAT)) > sent)
        assert "Bạn đang nhắn với máy" in running.telegram.of(CHAT)[sent].text, "greeted like anybody"
