"""Tables that only channels need: tokens and leases, staff's accounts on platforms, what platforms call things of ours.

They belong to the same metadata as `storage/tables.py`; kept apart only to keep the files readable.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, String, Table

from storage.tables import metadata
from storage.types import UtcTime

# Tokens that a platform hands out and takes back while we run, and leases by which one process at a time refreshes them.
vault = Table(
    "vault",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value_sealed", LargeBinary),
    Column("updated_at", UtcTime),
    Column("lease_holder", String(64)),
    Column("lease_until", UtcTime),
)
