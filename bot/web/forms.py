"""Reading what a page posts, tolerantly: a strange byte in a frightened person's message must never be an error."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

MAX_FORM_BYTES = 2_000_000
"""Room for 100 000 characters of Vietnamese, percent-encoded, and then some."""

MAX_FIELDS = 40


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a posted form (the first of each name). 413 when it is too long, 400 when it is no form."""
    body = await request.read()
    if request.content_type not in ("application/x-www-form-urlencoded", "application/octet-stream", "text/plain"):
        raise web.HTTPBadRequest
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise web.HTTPBadRequest from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields
