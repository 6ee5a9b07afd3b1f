"""The desk's directory: which services there are for somebody here and now, how many places are free, what was checked again.

Staff see everything, also what no seeker may know; it is marked, so that nobody says it by mistake.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web

from bot.channels.webchat import clean
from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import STATUS, desk_page, words_of
from bot.web.forms import read_form
from bot.web.guard import STAFF, Routes
from bot.web.pages import local_time
from bot.web.texts import COST, DESK, KIND, NEED, SPOKEN, TAKEN
from handlers import directory_changes as changes
from handlers.directory import Directory, Offer, find
from handlers.directory_words import about_km, about_minutes
from handlers.errors import BinhAnError
from handlers.permissions import Action
from handlers.rules.places import Gazetteer
from handlers.service import EVERYWHERE, SECRET_KINDS, Disclosure, Service

PATH = "/desk/services"
MOST = 40  # services on one page
MAX_PLACE_CHARS = 200
MAX_OFFICE_CHARS = 120


def add_routes(routes: Routes) -> None:
    """The routes of the directory page."""
    routes.add("GET", "/services", show_services, Action.SEE_DIRECTORY)
    routes.add("POST", "/services/{service}/free", post_free, Action.SET_CAPACITY)
    routes.add("POST", "/services/{service}/verify", post_verify, Action.EDIT_DIRECTORY)


async def show_services(request: web.Request) -> web.StreamResponse:
    """GET /desk/services?near=…&need=…: what fits, best first; without a need everything, by name."""
    return _services_page(request)


def _services_page(request: web.Request, *, hint: str = "", status: int = 200) -> web.Response:
    deps = request.config_dict[DEPS]
    near, need = clean(request.query.get("near", ""))[:MAX_PLACE_CHARS].strip(), request.query.get("need", "")
    commune, unclear = place_of(deps, near)
    shown = listed(deps, commune, need)
    return desk_page(
        request,
        "desk/services.html",
        status=status,
        services=shown[:MOST],
        count=len(shown),
        near=near,
        need=need if need in NEED else "",
        needs=sorted(NEED.items(), key=lambda one: one[1]),
        hint=hint or (DESK["services_unclear"] if unclear else DESK.get(request.query.get("m", ""), "")),
    )


def place_of(deps: WebDeps, near: str) -> tuple[str, bool]:
    """The commune a typed place means ("" without one), and whether it could not be told."""
    if not near:
        return "", False
    gazetteer = deps.help.gazetteer()
    if near in gazetteer.codes:
        return near, False
    answer = gazetteer.resolve(near)
    return (answer.codes[0], False) if len(answer.codes) == 1 else ("", True)


def listed(deps: WebDeps, commune: str, need: str, kind: str = "") -> list[dict[str, Any]]:
    """The services for a need near a commune, or all of them (of a kind) by name."""
    directory, now = deps.help.directory(), datetime.now(deps.zone)
    if need in NEED:
        offers = find(directory, deps.help.gazetteer(), commune, [need], now, MOST, staff=True)
        return [service_words(offer.ranked.service, directory, deps, now, offer) for offer in offers]
    working = sorted(
        (one for one in directory.services if one.working and kind in ("", one.kind)),
        key=lambda one: (one.name, one.id),
    )
    return [service_words(one, directory, deps, now) for one in working]


def service_words(
    service: Service, directory: Directory, deps: WebDeps, now: datetime, offer: Offer | None = None
) -> dict[str, Any]:
    """A service as staff see it."""
    verified = service.verified_at(now.date())
    is_open = directory.is_open(service, now)
    opened = "full" if service.full_at(now) else {True: "open", False: "closed", None: "unknown"}[is_open]
    checked = "verified" if verified else "stale" if service.verified_on else "unverified"
    free = service.free_now(now)
    return {
        "id": service.id,
        "name": service.name,
        "kind": KIND.get(service.kind, service.kind),
        "secret": service.disclosure is not Disclosure.PUBLIC or service.kind in SECRET_KINDS,
        "where": ", ".join(filter(None, (service.address, service.commune_name, service.province))),
        "way": _way(offer),
        "open": DESK[f"service_{opened}"],
        "hours": service.hours,
        "phones": list(service.phones),
        "phones_sure": verified,
        "checked": DESK[f"service_{checked}"]
        + (f": {service.verified_on:%d/%m/%Y}, {service.verified_by}" if service.verified_on else ""),
        "checked_sure": verified,
        "needs": ", ".join(NEED[need] for need in sorted(service.needs)),
        "takes": ", ".join(sorted(TAKEN[one] for one in service.takes)),
        "spoken": ", ".join(sorted(SPOKEN.get(code, code) for code in service.languages)),
        "covers": _covers(service, deps.help.gazetteer()),
        "cost": COST.get(service.cost.value, ""),
        "about": service.about,
        "counts_places": service.counts_places,
        "capacity": service.capacity,
        "free": free,
        "free_at": local_time(service.free_at, deps.zone) if free is not None and service.free_at else "",
    }


def _covers(service: Service, gazetteer: Gazetteer) -> str:
    """The communes whose people it takes, as far as it says."""
    if EVERYWHERE in service.covers:
        return DESK["service_covers_all"]
    return ", ".join(gazetteer.name(code) if code in gazetteer.codes else code for code in sorted(service.covers))


def _way(offer: Offer | None) -> str:
    if offer is None or offer.same_commune:
        return ""
    if offer.ranked.measured and offer.ranked.minutes is not None:
        return f"{about_minutes(offer.ranked.minutes)} {DESK['service_minutes']}"
    return "" if offer.ranked.road_km is None else f"{about_km(offer.ranked.road_km)} {DESK['service_km']}"


async def post_free(request: web.Request) -> web.StreamResponse:
    """POST /desk/services/ID/free: how many places are free, one tap."""
    deps, fields = request.config_dict[DEPS], await read_form(request)
    written = fields.get("free", "").strip()
    service_id = request.match_info["service"]
    try:
        if not (written.isascii() and written.isdigit() and len(written) <= 4):
            raise changes.WrongValue("free")
        item = changes.SetFree(staff_uid=request[STAFF].uid, service_id=service_id, free=int(written))
        await deps.door.run(changes.set_free, item)
    except BinhAnError as error:
        return _services_page(request, hint=words_of(error), status=STATUS.get(error.code, 409))
    return _back(request)


async def post_verify(request: web.Request) -> web.StreamResponse:
    """POST /desk/services/ID/verify: an office has checked it today."""
    deps, fields = request.config_dict[DEPS], await read_form(request)
    try:
        item = changes.Verify(
            service_ids=(request.match_info["service"],),
            on=None,
            office=clean(fields.get("office", "")).strip()[:MAX_OFFICE_CHARS],
            staff_uid=request[STAFF].uid,
        )
        await deps.door.run(changes.verify, item)
    except BinhAnError as error:
        return _services_page(request, hint=words_of(error), status=STATUS.get(error.code, 409))
    return _back(request)


def _back(request: web.Request) -> web.Response:
    """To the list as it was searched."""
    query = request.rel_url.query
    kept = {name: query[name] for name in ("near", "need") if query.get(name)}
    there = request.rel_url.with_path(PATH).with_query({**kept, "m": "saved"})
    return web.Response(status=303, headers={"Location": str(there)})
