"""`place` and `nearest`: the gazetteer and the directory at a terminal, for checking them and for other people's scripts.

Without `--config` both use what is shipped, offline; with it the folder of places it names, and the directory as it is stored.
Neither stores anything.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import shipped
from bot.cli.csv_files import add_columns, fail
from bot.cli.held import read_held, shipped_held
from bot.config import Config, load_config
from bot.worlds import load_places
from flows.effects import PlaceAnswer
from handlers.directory import Offer, find
from handlers.directory_words import about_km, about_minutes
from handlers.rules.places import Gazetteer
from handlers.service import NEEDS

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: what is shipped, no store).")
]


def place(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts as a seeker may type them.")
    ] = None,
    csv_in: Annotated[Path | None, typer.Option("--csv", metavar="IN", help="A CSV file with a column `text`.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="OUT", help="Where the CSV goes; default: the terminal.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Which commune a text means: one JSON line a text, or a CSV with the columns kind and codes added."""
    gazetteer = load_places(load_config(config).places) if config else Gazetteer.load(shipped.place_files())
    if csv_in is not None and not texts:
        _place_csv(gazetteer, csv_in, out)
        return
    if not texts or csv_in is not None or out is not None:
        fail(2, "place: give texts, or --csv IN with --out OUT")
    for text in texts:
        answer = gazetteer.resolve(text)
        typer.echo(json.dumps({"kind": answer.kind, "codes": list(answer.codes)}))


def nearest(
    lat: Annotated[float | None, typer.Option(help="Latitude in degrees.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude in degrees.")] = None,
    place: Annotated[str | None, typer.Option(help="A place as a seeker may type it.")] = None,
    need: Annotated[list[str] | None, typer.Option(help=f"What is needed: {', '.join(sorted(NEEDS))}.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many services at most.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")] = False,
    config: ConfigOption = None,
) -> None:
    """The services of the directory that fit a need, nearest fitting first, as a seeker would be told of them."""
    if not need or not set(need) <= NEEDS:
        fail(2, f"nearest: --need must be one of {', '.join(sorted(NEEDS))}")
    by_point = lat is not None and lon is not None
    if by_point == (place is not None) or (lat is None) != (lon is None):
        fail(2, "nearest: give either --lat and --lon, or --place")
    written = load_config(config) if config else Config()
    held = read_held(written) if config else shipped_held()
    gazetteer = held.gazetteer
    point = (lat, lon) if lat is not None and lon is not None else None
    answer = gazetteer.nearest_communes(*point, limit=1) if point else gazetteer.resolve(place or "")
    commune = _commune(gazetteer, answer, by_point)
    offers = find(held.directory(), gazetteer, commune, need, datetime.now(written.zone), limit, at=point)
    if as_json:
        found = {"commune": commune, "sure": answer.kind == "exact", "services": [_as_dict(one) for one in offers]}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    unsure = "" if answer.kind == "exact" else " (a guess: a seeker would be asked)"
    typer.echo(f"from {gazetteer.name(commune)}{unsure}" if commune else "from a point outside the province")
    for number, one in enumerate(offers, start=1):
        typer.echo(f"{number}. {_line(one)}")
    if not offers:
        typer.echo("no service of the directory fits")


def _commune(gazetteer: Gazetteer, answer: PlaceAnswer, by_point: bool) -> str:
    """The commune to start from; "" for a point outside the province, from where distances can be told all the same."""
    if by_point:
        if answer.kind == "none":
            fail(2, "nearest: --lat and --lon must be a point on earth, in degrees")
        return answer.codes[0] if answer.codes else ""
    if not answer.codes:
        fail(1, f"nearest: {_why_not(answer)}")
    if len(answer.codes) > 1:
        names = ", ".join(f"{gazetteer.name(code)} {code}" for code in answer.codes)
        fail(1, f"nearest: several communes could be meant: {names}; name one of them")
    return answer.codes[0]


def _why_not(answer: PlaceAnswer) -> str:
    if answer.kind == "outside":
        return "that is outside the province; name one of its communes"
    return "no commune recognised; give its old or new name"


def _as_dict(offer: Offer) -> dict[str, object]:
    service, ranked = offer.ranked.service, offer.ranked
    return {
        "id": service.id,
        "name": service.name,
        "kind": service.kind,
        "commune": service.commune,
        "about_km": None if ranked.road_km is None else about_km(ranked.road_km),
        "about_minutes": None if ranked.minutes is None else about_minutes(ranked.minutes),
        "open": ranked.open,
        "verified": offer.verified,
        "phones": list(offer.phones),
    }


def _line(offer: Offer) -> str:
    ranked = offer.ranked
    km = "distance unknown" if ranked.road_km is None else f"about {about_km(ranked.road_km)} km"
    state = {True: "open", False: "closed", None: "hours unknown"}[ranked.open]
    marks = [km, state, *offer.phones] + ([] if offer.verified else ["not verified"])
    return f"{ranked.service.name}, {ranked.service.commune_name} ({', '.join(marks)})"


def _place_csv(gazetteer: Gazetteer, source: Path, target: Path | None) -> None:
    def judge(text: str) -> dict[str, str]:
        answer = gazetteer.resolve(text)
        return {"kind": answer.kind, "codes": "|".join(answer.codes)}

    add_columns("place", source, target, ("kind", "codes"), judge)
