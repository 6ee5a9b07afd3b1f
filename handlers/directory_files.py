"""The directory's files: the seed that comes with the content, and the CSV that people edit in a spreadsheet.

`services.csv` has the columns of `service.COLUMNS`; `osm.csv` points from OpenStreetMap (a file of its own, because its
licence asks for the same of what is derived from it); `holidays.csv` public holidays; `travel.csv` measured travel times.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from handlers.rules.nearest import Travel
from handlers.service import COLUMNS, Service

MAX_BYTES = 20_000_000
MAX_SERVICES = 50_000
_EVERY_YEAR = re.compile(r"(\d{2})-(\d{2})")
_YEARS = range(2020, 2061)
_MOST_MINUTES = 24 * 60


def load_seed(files: Mapping[str, bytes]) -> tuple[Service, ...]:
    """The directory's seed: `services.csv`, and points from OpenStreetMap out of `osm.csv` (id, lat, lon, source).

    Keys may carry folders (`directory/services.csv`). Without `services.csv` the seed is empty.

    Raises:
        ValueError: file, line and what is wrong; also for an id that stands twice, or a point of no service.
    """
    by_name = {name.rsplit("/", 1)[-1]: content for name, content in files.items()}
    points = {row["id"]: row for row in _rows("osm.csv", by_name.get("osm.csv", b""))}
    services = read_services(by_name.get("services.csv", b""), points=points)
    known = {service.id for service in services}
    homeless = sorted(set(points) - known)
    if homeless:
        raise ValueError(f"osm.csv: no service has the id {homeless[0]}")
    return services


def read_services(
    content: bytes, name: str = "services.csv", *, points: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Service, ...]:
    """The services of a CSV file; `points` (by id) replace the points of those that have one there.

    Raises:
        ValueError: `name`, line and what is wrong: a wrong cell, an unknown column, an id that stands twice, too many.
    """
    services: dict[str, Service] = {}
    for line, row in enumerate(_rows(name, content, needed=("id", "name", "kind")), start=2):
        unknown = sorted(set(row) - set(COLUMNS))
        if unknown:
            raise ValueError(f"{name}:1: unknown column {unknown[0]!r}; the columns are {', '.join(COLUMNS)}")
        point = (points or {}).get(row.get("id", ""))
        if point is not None:
            row |= {"lat": point["lat"], "lon": point["lon"], "point_source": point["source"]}
        try:
            service = Service.from_row(row)
        except ValueError as wrong:
            raise ValueError(f"{name}:{line}: {wrong}") from wrong
        if service.id in services:
            raise ValueError(f"{name}:{line}: the id {service.id} stands twice")
        services[service.id] = service
        if len(services) > MAX_SERVICES:
            raise ValueError(f"{name}: more than {MAX_SERVICES:,} services")
    return tuple(services.values())


def write_services(services: Iterable[Service]) -> bytes:
    """The services as CSV with a byte order mark, so that spreadsheets read Vietnamese; by id."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for service in sorted(services, key=lambda one: one.id):
        writer.writerow({column: _calm(cell) for column, cell in service.to_row().items()})
    return text.getvalue().encode("utf-8-sig")


TABLES_BESIDE = {"holidays": "directory/holidays.csv", "travel": "directory/travel.csv"}
"""What is kept beside the services, and where the content's first version of it lies."""


def with_commas(content: bytes) -> bytes:
    """A CSV as it is, or with commas where a spreadsheet has written semicolons, as it does where figures have the comma."""
    header = content[:4_000].decode("utf-8-sig", "replace").partition("\n")[0]
    if ";" not in header or "," in header:
        return content
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";", strict=True))
    except (UnicodeDecodeError, csv.Error):
        return content  # whoever reads it says what is wrong
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def beside_of(content: bytes) -> str:
    """Which table beside the services a CSV is by its columns ("holidays", "travel"), or ""."""
    header = content[:4_000].decode("utf-8-sig", "replace").partition("\n")[0]
    columns = {column.strip().strip('"') for column in header.split(",")}
    if "day" in columns:
        return "holidays"
    return "travel" if {"commune", "to", "minutes"} <= columns else ""


def read_holidays(content: bytes, name: str = "holidays.csv") -> frozenset[date]:
    """Public holidays: a column `day` with `2027-02-06`, or `09-02` for every year. Raises ValueError naming the line."""
    days: set[date] = set()
    for line, row in enumerate(_rows(name, content), start=2):
        written = row.get("day", "").strip()
        every_year = _EVERY_YEAR.fullmatch(written)
        try:
            if every_year:
                days.update(date(year, int(every_year[1]), int(every_year[2])) for year in _YEARS)
            else:
                days.add(date.fromisoformat(written))
        except ValueError:
            raise ValueError(f"{name}:{line}: write the day as 2027-02-06, or as 09-02 for every year") from None
    return frozenset(days)


def read_travel(content: bytes, name: str = "travel.csv") -> dict[str, Travel]:
    """Measured travel times: columns `commune`, `to` (a service's id or a commune's code), `minutes`, `source`.

    The way back is taken to be as long, between communes. Raises ValueError naming the line.
    """
    told: dict[str, dict[str, float]] = {}
    back: dict[str, dict[str, float]] = {}
    for line, row in enumerate(_rows(name, content), start=2):
        commune, to = row.get("commune", "").strip(), row.get("to", "").strip()
        try:
            minutes = float(row.get("minutes", ""))
        except ValueError:
            minutes = math.nan
        if not commune or not to or not 0 <= minutes <= _MOST_MINUTES:
            raise ValueError(f"{name}:{line}: fill commune, to and minutes (0 to {_MOST_MINUTES})")
        if not row.get("source", "").strip():
            raise ValueError(f"{name}:{line}: who measured it? fill source")
        if to in told.setdefault(commune, {}):
            raise ValueError(f"{name}:{line}: the way from {commune} to {to} stands twice")
        told[commune][to] = minutes
        back.setdefault(to, {})[commune] = minutes
    return {commune: back.get(commune, {}) | told.get(commune, {}) for commune in {*told, *back}}


def _calm(cell: str) -> str:
    """A spreadsheet must not take a cell for a formula. `_uncalm` takes the mark away again."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "'") else cell


def _uncalm(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "'") else cell


def _rows(name: str, content: bytes, *, needed: Sequence[str] = ()) -> list[dict[str, str]]:
    if len(content) > MAX_BYTES:
        raise ValueError(f"{name}: larger than {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: not UTF-8; save it as CSV UTF-8") from None
    rows = []
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if text.strip() and not set(needed) <= set(reader.fieldnames or ()):
            raise ValueError(f"{name}:1: the columns {', '.join(needed)} are needed, with commas between")
        for line, row in enumerate(reader, start=2):
            if None in row:
                raise ValueError(f"{name}:{line}: more cells than columns")
            rows.append({key: _uncalm(value or "") for key, value in row.items() if isinstance(key, str)})
    except csv.Error as wrong:
        raise ValueError(f"{name}: {wrong}") from None
    return rows
