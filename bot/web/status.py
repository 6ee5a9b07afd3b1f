"""`/desk/status`: how the service stands, for operators and supervisors. Reads nothing of anybody."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.desk_page import desk_page
from bot.web.guard import Routes
from bot.web.status_texts import TEXT
from bot.web.status_words import status
from handlers.permissions import Action

PATH = "/desk/status"


def add_routes(routes: Routes) -> None:
    """The route of the status page."""
    routes.add("GET", "/status", show_status, Action.SEE_HEALTH)


async def show_status(request: web.Request) -> web.StreamResponse:
    """GET /desk/status. While the database does not answer nobody can be recognised either: the guard has said so before."""
    deps = request.config_dict[DEPS]
    return desk_page(request, "desk/status.html", status_text=TEXT, now=status(await deps.look(), deps.zone))
