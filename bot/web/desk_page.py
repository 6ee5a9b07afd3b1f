"""What every page of the desk shares: its frame, who looks at it, and an error in the words of the desk."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.guard import STAFF, TOKEN_HASH, form_token, owes_factor
from bot.web.pages import page
from bot.web.texts import DESK
from handlers.errors import AlreadyClaimed, BinhAnError
from handlers.permissions import Action, may

STATUS = {
    "not-allowed": 403,
    "wrong-password": 403,
    "too-many-tries": 429,
    "no-such-case": 404,
    "no-such-service": 404,
    "no-such-referral": 404,
    "storage-unavailable": 503,
}
"""The HTTP status of a refused command; 409 for the others."""


def desk_page(request: web.Request, template: str, *, status: int = 200, **values: object) -> web.Response:
    """A page of the desk with its frame."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    values.setdefault("kept", "")
    values.setdefault("hint", DESK.get(request.query.get("m", ""), ""))
    # Whoever answers is rung at on every page: a shelter is looked up while the next one calls.
    values.setdefault("rings", may(staff, Action.SEE_QUEUE) and not owes_factor(request, deps))
    return page(
        template, status=status, t=DESK, csrf=form_token(deps, request[TOKEN_HASH]), me=staff, actions=actions(request),
        **values,
    )  # fmt: skip


def actions(request: web.Request) -> frozenset[Action]:
    """What the person at this page may do: decides which buttons are drawn, never whether a command is carried out."""
    return frozenset(action for action in Action if may(request[STAFF], action))


def words_of(error: BinhAnError) -> str:
    """An error as staff read it."""
    said = DESK.get(error.code, DESK["error"])
    if isinstance(error, AlreadyClaimed) and error.detail:
        return f"{said}: {error.detail}."
    return said
