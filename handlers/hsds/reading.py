"""HSDS 3 services as ours: strict about what the standard requires, and telling of everything we cannot keep.

A file from elsewhere comes in for staff only, unverified and without needs: somebody here has to look at it first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.hsds.model import (
    MANY,
    MAX_BYTES,
    MAX_SERVICES,
    PLAIN,
    REQUIRED,
    STATUS_BACK,
    TAXONOMY,
    made,
    organization_id,
)  # fmt: skip
from handlers.hsds.schedules import hours_from
from handlers.rules.places import Gazetteer
from handlers.service import KINDS, Cost, Service

_KEPT = frozenset(
    {
        "id", "name", "description", "url", "email", "status", "assured_date", "phones", "schedules", "service_areas",
        "service_at_locations", "languages", "organization", "organization_id", "cost_options", "attributes", "capacities",
        "eligibility_description", "last_modified",
    }
)  # fmt: skip


class NotHsds(ValueError):
    """The file cannot be read as HSDS 3: the message says where in it and what would be right."""


@dataclass(frozen=True, slots=True)
class FromHsds:
    """A service out of a file, and what of it we could not keep."""

    service: Service
    lost: tuple[str, ...] = ()


def from_hsds(
    content: bytes, gazetteer: Gazetteer, *, known: Mapping[str, str] | None = None, kind: str = ""
) -> list[FromHsds]:
    """The services of a page, a list or a single service in HSDS 3 JSON.

    `known` maps ids of HSDS services to the ids they have here; `kind` is for services that do not say one of ours.

    Raises:
        NotHsds: no JSON, no services, a required field is missing, or a value that cannot be.
    """
    services = _services(content)
    found = [_from_object(number, written, gazetteer, known or {}, kind) for number, written in enumerate(services, 1)]
    twice = _first_twice([one.service.id for one in found])
    if twice:
        raise NotHsds(f"the service {twice} stands twice")
    return found


def _services(content: bytes) -> list[Any]:
    if len(content) > MAX_BYTES:
        raise NotHsds(f"larger than {MAX_BYTES:,} bytes")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotHsds("this is no JSON in UTF-8") from None
    if isinstance(document, dict):
        document = document.get("contents", [document])
    if not isinstance(document, list) or len(document) > MAX_SERVICES:
        raise NotHsds("this is neither a page of services, nor a list of them, nor one")
    return document


def _from_object(number: int, written: object, gazetteer: Gazetteer, known: Mapping[str, str], kind: str) -> FromHsds:
    where = f"service {number}"
    service = _object(where, "service", written)
    where = f"service {number} ({str(service['name'])[:60]})"
    ours = _our_attributes(service)
    uuid = _uuid(where, service["id"])
    service_id = _one(ours, "id") or known.get(uuid) or f"hsds-{uuid[:8]}"
    organization = _nested(where, "organization", service.get("organization"))
    at = [_object(where, "service_at_location", one) for one in _list(service.get("service_at_locations"))]
    location = _nested(where, "location", at[0].get("location") if at else None)
    addresses = [_object(where, "address", one) for one in _list(location.get("addresses"))]
    address = addresses[0] if addresses else {}
    status = STATUS_BACK.get(str(service["status"]))
    if status is None:
        raise NotHsds(f"{where}: status must be one of {', '.join(STATUS_BACK)}")
    hours, unread = hours_from(
        [_object(where, "schedule", one) for one in _list(service.get("schedules"))], _one(ours, "hours")
    )
    commune, commune_name = _commune(ours, address, gazetteer)
    row = {
        "id": service_id, "name": str(service["name"]), "kind": _one(ours, "kind") or kind,
        "about": _text(service, "description"),
        "needs": "|".join(ours.get("needs", [])), "takes": "|".join(ours.get("takes", [])),
        "languages": "|".join(_codes(where, service)), "hours": hours,
        "phones": "|".join(str(_object(where, "phone", one)["number"]) for one in _list(service.get("phones"))),
        "email": _text(service, "email"), "url": _text(service, "url"), "address": _text(address, "address_1"),
        "commune": commune, "commune_name": commune_name, "province": _text(address, "state_province"),
        "covers": "|".join(_covers(where, service)), "lat": _degrees(location, "latitude"),
        "lon": _degrees(location, "longitude"), "cost": _one(ours, "cost") or _cost(where, service),
        "organization": _organization(ours, organization, str(service["name"])),
        "disclosure": _one(ours, "disclosure") or "staff_only", "status": status.value,
        "verified_on": _text(service, "assured_date") if ours else "",
        "verified_by": _one(ours, "verified_by"), "source": _one(ours, "source") or ("" if ours else f"HSDS {uuid}"),
        "confidence": _one(ours, "confidence"), "point_source": _one(ours, "point_source"),
        "hsds_service": _foreign(uuid, made(service_id, "service")),
        "hsds_organization": _foreign(
            str(organization.get("id", "")), organization_id(str(organization.get("name", "")))
        ),
        "hsds_location": _foreign(str(location.get("id", "")), made(service_id, "location")),
    } | _room(where, service, ours)  # fmt: skip
    if not row["kind"]:
        raise NotHsds(
            f"{where}: it does not say what kind of place it is; give --kind, one of {', '.join(sorted(KINDS))}"
        )
    try:
        ours_now = Service.from_row(row)
    except ValueError as wrong:
        raise NotHsds(f"{where}: {wrong}") from None
    return FromHsds(ours_now, tuple(_lost(service, at, location, addresses, unread=unread)))


def _object(where: str, name: str, written: object) -> dict[str, Any]:
    """An object with the fields HSDS requires of it."""
    if not isinstance(written, dict):
        raise NotHsds(f"{where}: a {name} must be an object")
    missing = [field for field in REQUIRED[name] if written.get(field) is None]
    if missing:
        raise NotHsds(f"{where}: a {name} without {missing[0]}")
    return written


def _nested(where: str, name: str, written: object) -> dict[str, Any]:
    return _object(where, name, written) if written is not None else {}


def _list(written: object) -> list[Any]:
    return written if isinstance(written, list) else []


def _text(written: Mapping[str, Any], name: str) -> str:
    value = written.get(name)
    return value if isinstance(value, str) else ""


def _our_attributes(service: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in _list(service.get("attributes")):
        link = str(attribute.get("link_type", "")) if isinstance(attribute, dict) else ""
        column = link.removeprefix(f"{TAXONOMY}:")
        if link != column and column in (*PLAIN, *MANY):
            found.setdefault(column, []).append(str(attribute.get("value", "")))
    return found


def _one(ours: Mapping[str, list[str]], column: str) -> str:
    return ours.get(column, [""])[0]


def _uuid(where: str, written: object) -> str:
    try:
        return str(UUID(str(written)))
    except ValueError:
        raise NotHsds(f"{where}: id must be a UUID") from None


def _foreign(uuid: str, own: str) -> str:
    """An id of somebody else's; one that we made ourselves need not be kept."""
    return "" if uuid == own else uuid


def _organization(ours: Mapping[str, list[str]], organization: Mapping[str, Any], name: str) -> str:
    given = str(organization.get("name", ""))
    return _one(ours, "organization") or ("" if ours or given == name else given)


def _codes(where: str, service: Mapping[str, Any]) -> list[str]:
    languages = (_object(where, "language", one) for one in _list(service.get("languages")))
    return [_text(one, "code") for one in languages if _text(one, "code")]


def _covers(where: str, service: Mapping[str, Any]) -> list[str]:
    areas = (_object(where, "service_area", one) for one in _list(service.get("service_areas")))
    extents = (_text(one, "extent") for one in areas if one.get("extent_type") == "text")
    return [
        extent for extent in extents if extent == "*" or (extent.isascii() and extent.isdigit() and len(extent) == 5)
    ]


def _commune(ours: Mapping[str, list[str]], address: Mapping[str, Any], gazetteer: Gazetteer) -> tuple[str, str]:
    """The commune, by our code or else by what the address says, when that is sure."""
    city = _text(address, "city")
    code = _one(ours, "commune")
    if not code and not ours and city:
        answer = gazetteer.resolve(", ".join(filter(None, (city, _text(address, "state_province")))))
        if answer.kind == "exact":
            return answer.codes[0], gazetteer.name(answer.codes[0])
    return code, city


def _degrees(location: Mapping[str, Any], name: str) -> str:
    value = location.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return str(float(value)) if is_number and value is not None else ""


def _cost(where: str, service: Mapping[str, Any]) -> str:
    options = [_object(where, "cost_option", one) for one in _list(service.get("cost_options"))]
    return Cost.FREE.value if options and all(one.get("amount") == 0 for one in options) else ""


def _room(where: str, service: Mapping[str, Any], ours: Mapping[str, list[str]]) -> dict[str, str]:
    room = {"capacity": _one(ours, "capacity"), "free": "", "free_at": ""}
    for one in _list(service.get("capacities"))[:1]:
        given = _object(where, "service_capacity", one)
        try:
            moment = datetime.fromisoformat(str(given["updated"]))
            room |= {"free": str(int(given["available"])), "free_at": moment.isoformat()}
            if given.get("maximum") is not None:
                room["capacity"] = str(int(given["maximum"]))
        except (ValueError, TypeError):
            raise NotHsds(f"{where}: a service_capacity needs whole numbers and a moment in updated") from None
    return room


def _lost(
    service: Mapping[str, Any],
    at: list[dict[str, Any]],
    location: Mapping[str, Any],
    addresses: list[dict[str, Any]],
    *,
    unread: bool,
) -> Iterator[str]:
    """What the file says and we do not keep."""
    foreign = [
        one for one in _list(service.get("attributes"))
        if isinstance(one, dict) and not str(one.get("link_type", "")).startswith(f"{TAXONOMY}:")
    ]  # fmt: skip
    yield from (f"{name}" for name in sorted(service) if name not in (*_KEPT, "fees_description") and service[name])
    if foreign:
        yield "attributes of other taxonomies"
    if len(at) > 1 or len(addresses) > 1:
        yield "further locations or addresses"
    kept = ("id", "location_type", "latitude", "longitude", "addresses", "name")
    yield from (f"location.{name}" for name in sorted(location) if name not in kept and location[name])
    if unread:
        yield "schedules that are not simply weekly"


def _first_twice(ids: list[str]) -> str:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    return ""
