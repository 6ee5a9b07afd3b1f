"""The objects of HSDS 3 that we write and read, with what its schemas require of each, and our own taxonomy beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID, uuid5

from handlers.service import SECRET_KINDS, Cost, Disclosure, Service, Status

TAXONOMY: Final = "binhan"
MAX_BYTES: Final = 50_000_000
MAX_SERVICES: Final = 50_000
NAMESPACE: Final = UUID("6f1d7a52-3f0c-5d8e-9b1a-2c4e6a8b0d13")
"""Our own name space: ids we make are the same in every export."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "service": ("id", "name", "status"),
    "organization": ("id", "name", "description"),
    "location": ("id", "location_type"),
    "address": ("id", "address_1", "city", "state_province", "postal_code", "country", "address_type"),
    "phone": ("id", "number"),
    "schedule": ("id",),
    "service_area": ("id",),
    "service_at_location": ("id",),
    "language": ("id",),
    "cost_option": ("id",),
    "attribute": ("id",),
    "taxonomy_term": ("id", "name", "description"),
    "service_capacity": ("id", "unit", "available", "updated"),
    "unit": ("id", "name"),
}
"""What the schemas of HSDS 3 require of each object we write."""

STATUS: Final = {Status.ACTIVE: "active", Status.PAUSED: "temporarily closed", Status.GONE: "defunct"}
STATUS_BACK: Final = {
    "active": Status.ACTIVE,
    "inactive": Status.PAUSED,
    "temporarily closed": Status.PAUSED,
    "defunct": Status.GONE,
}
FEES: Final = {
    Cost.FREE: "Free of charge.",
    Cost.INSURANCE: "Less with a health insurance card.",
    Cost.PAID: "Not free.",
}
PLAIN = (
    "id", "kind", "disclosure", "verified_by", "source", "confidence", "point_source", "commune", "organization", "cost",
    "capacity", "hours",
)  # fmt: skip
"""Our columns that travel as one attribute each."""
MANY = ("needs", "takes")


def made(service_id: str, *parts: object) -> str:
    """An id of ours for a part of a service: the same in every export."""
    return str(uuid5(NAMESPACE, ":".join(map(str, ("service", service_id, *parts)))))


def organization_id(name: str) -> str:
    """An id of ours for an organization."""
    return str(uuid5(NAMESPACE, f"organization:{name}"))


def without_secret(services: Iterable[Service]) -> list[Service]:
    """Those that may leave the house: what only staff may know stays out of a file that others read."""
    return [
        service for service in services if service.disclosure is Disclosure.PUBLIC and service.kind not in SECRET_KINDS
    ]
