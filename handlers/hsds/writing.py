"""Our services as HSDS 3 services, with organization, location, schedules and all inside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid5

from handlers.hsds.model import FEES, MANY, NAMESPACE, PLAIN, STATUS, TAXONOMY, made, organization_id
from handlers.hsds.schedules import schedules_of
from handlers.service import Cost, Service


def to_hsds(services: Iterable[Service]) -> bytes:
    """The services as one page of HSDS 3 services, in JSON, by id."""
    contents = [service_object(service) for service in sorted(services, key=lambda one: one.id)]
    page = {
        "total_items": len(contents), "total_pages": 1, "page_number": 1, "size": len(contents), "first_page": True,
        "last_page": True, "empty": not contents, "contents": contents,
    }  # fmt: skip
    return (json.dumps(page, ensure_ascii=False, indent=1) + "\n").encode()


def service_object(service: Service) -> dict[str, Any]:
    """One service as an HSDS 3 service with everything inside it."""
    organization = service.organization or service.name
    written: dict[str, Any] = {
        "id": service.hsds_service or made(service.id, "service"),
        "name": service.name,
        "description": service.about,
        "url": service.url,
        "email": service.email,
        "status": STATUS[service.status],
        "assured_date": "" if service.verified_on is None else service.verified_on.isoformat(),
        "fees_description": FEES.get(service.cost, ""),
        "eligibility_description": ", ".join(sorted(service.takes)),
        "organization": {
            "id": service.hsds_organization or organization_id(organization),
            "name": organization,
            "description": "",
        },
        "phones": [
            {"id": made(service.id, "phone", n), "number": number, "type": "voice"}
            for n, number in enumerate(service.phones)
        ],
        "languages": [{"id": made(service.id, "language", code), "code": code} for code in sorted(service.languages)],
        "schedules": schedules_of(service.hours, lambda n: made(service.id, "schedule", n)),
        "service_areas": [
            {"id": made(service.id, "area", code), "name": code, "extent": code, "extent_type": "text"}
            for code in sorted(service.covers)
        ],
        "service_at_locations": list(_locations(service)),
        "cost_options": [{"id": made(service.id, "cost"), "option": "free", "amount": 0, "currency": "VND"}]
        if service.cost is Cost.FREE
        else [],
        "capacities": list(_capacities(service)),
        "attributes": list(_attributes(service)),
    }
    return {name: value for name, value in written.items() if value not in ("", [])}


def _locations(service: Service) -> Iterator[dict[str, Any]]:
    if service.point is None and not (service.commune or service.commune_name or service.province or service.address):
        return
    location: dict[str, Any] = {
        "id": service.hsds_location or made(service.id, "location"),
        "location_type": "physical",
        "addresses": [
            {
                "id": made(service.id, "address"), "address_1": service.address, "city": service.commune_name,
                "state_province": service.province, "postal_code": "", "country": "VN", "address_type": "physical",
            }
        ],
    }  # fmt: skip
    if service.point is not None:
        location |= {"latitude": service.point[0], "longitude": service.point[1]}
    yield {"id": made(service.id, "at"), "location": location}


def _capacities(service: Service) -> Iterator[dict[str, Any]]:
    if service.free is None or service.free_at is None:
        return
    written: dict[str, Any] = {
        "id": made(service.id, "capacity"),
        "unit": {"id": str(uuid5(NAMESPACE, "unit:place")), "name": "place"},
        "available": service.free,
        "updated": service.free_at.isoformat(timespec="microseconds"),
    }
    if service.capacity is not None:
        written["maximum"] = service.capacity
    yield written


def _attributes(service: Service) -> Iterator[dict[str, Any]]:
    row = service.to_row()
    for column in PLAIN:
        if row[column]:
            yield _attribute(service, column, row[column])
    for column in MANY:
        for value in sorted(filter(None, row[column].split("|"))):
            yield _attribute(service, column, value)


def _attribute(service: Service, column: str, value: str) -> dict[str, Any]:
    return {
        "id": made(service.id, "attribute", column, value),
        "link_entity": "service",
        "link_type": f"{TAXONOMY}:{column}",
        "value": value,
        "taxonomy_term": {
            "id": str(uuid5(NAMESPACE, f"term:{column}")),
            "name": column,
            "description": f"Bình An's field {column}",
            "taxonomy": TAXONOMY,
        },
    }
