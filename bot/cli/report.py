"""`report YEAR`: the figures of a year for those who ask for them, from facts alone."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.config import Config, load_config
from bot.web.texts import ABOUT, AGE, CATEGORY, CHANNEL, DISPOSITION, SEVERITY
from bot.worlds import load_places
from handlers.facts import month_of
from handlers.figures import UNNAMED, Figures, figures
from handlers.model import Fact
from handlers.rules.places import Gazetteer
from handlers.rules.small_counts import LEAST, TIMES_FROM

HEADINGS: Mapping[str, str] = {
    "month": "Theo tháng",
    "severity": "Mức",
    "category": "Chuyện gì",
    "about": "Ai cần giúp",
    "age_band": "Tuổi",
    "commune": "Xã, phường",
    "channel": "Kênh",
    "asked_for_person": "Xin nói chuyện với người trực",
    "disposition": "Kết thúc thế nào",
    "first_page_s": "Tới lúc gọi người trực đầu tiên",
    "claim_s": "Tới lúc có người nhận",
    "first_reply_s": "Tới câu trả lời đầu tiên của người trực",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "severity": SEVERITY,
    "category": CATEGORY,
    "about": ABOUT,
    "age_band": AGE,
    "channel": CHANNEL,
    "disposition": DISPOSITION,
    "asked_for_person": {"yes": "Có", "no": "Không"},
}
UNKNOWN = "Không rõ"
TOGETHER = "Gộp chung"
OTHERS = "Các nơi khác"


def report(
    year: Annotated[int, typer.Argument(min=2000, max=2999, help="Which year.")],
    out: Annotated[Path | None, typer.Option("--csv", help="Write a CSV file instead of printing.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
    ] = None,
) -> None:
    """The figures of a year, in Vietnamese: months that are over, no count that could point at somebody. Exit: 0 done."""
    written = load_config(config)
    found = figures(asyncio.run(_facts(written)), year, month_of(datetime.now(UTC), written.zone))
    rows = list(_rows(found, load_places(written.places)))
    if out is not None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("table", "key", "label", "count"), *rows])
        out.write_text(text.getvalue(), encoding="utf-8-sig")  # spreadsheets of the office read it as Vietnamese
        print(f"report: written to {out}")
        return
    _print(found, rows)


async def _facts(config: Config) -> list[Fact]:
    async with wiring.open_records(config) as records:
        return await records.door.read(lambda uow: uow.facts.all())


def _rows(found: Figures, gazetteer: Gazetteer) -> Iterator[tuple[str, str, str, str]]:
    if found.total is not None:
        yield "total", "", "Tổng số cuộc", str(found.total)
    for name, table in found.tables:
        if table is None:
            continue
        for key, count in table.counts:
            yield name, key, _label(name, key, gazetteer), str(count)
        if table.together_count:
            named = ", ".join(_label(name, key, gazetteer) for key in table.together)
            label = OTHERS if name in UNNAMED else f"{TOGETHER}: {named}"
            yield name, "+", label, str(table.together_count)
    for name, times in found.times:
        if times is not None:
            yield name, "median_s", "Một nửa trong vòng (giây)", str(times[0])
            yield name, "p90_s", "9 trên 10 trong vòng (giây)", str(times[1])


def _label(table: str, key: str, gazetteer: Gazetteer) -> str:
    if table == "commune" and key:
        return gazetteer.name(key)
    return (_WORDS.get(table, {}).get(key) or key) if key else UNKNOWN


def _print(found: Figures, rows: list[tuple[str, str, str, str]]) -> None:
    print(f"Bình An, số liệu năm {found.year}" + (f", tới hết tháng {found.until}" if found.until else ""))
    if found.total is None:
        print(f"Chưa có, hoặc có ít hơn {LEAST} cuộc: không đưa ra con số nào.")
        return
    last = ""
    for table, _, label, count in rows:
        if table != last and table in HEADINGS:
            print(f"\n{HEADINGS[table]}")
        last = table
        print(f"  {count:>6}  {label}")
    print(
        f"\nNhóm có 1 đến {LEAST - 1} cuộc không đứng riêng mà được gộp với nhóm khác, để không ai nhận ra ai. Thời gian chờ chỉ "
        f"đưa ra khi có từ {TIMES_FROM} cuộc."
    )
