"""The page that says how the desk is used: from the bell to the end of a case, for whoever answers."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import desk_page
from bot.web.guard import Routes
from bot.web.help_texts import sections
from handlers.permissions import Action


def add_routes(routes: Routes) -> None:
    """The route of the page."""
    routes.add("GET", "/help", show_help, Action.SEE_QUEUE)


async def show_help(request: web.Request) -> web.StreamResponse:
    """GET /desk/help."""
    deps: WebDeps = request.config_dict[DEPS]
    numbers = [(one.number, one.label) for one in deps.numbers()]
    return desk_page(request, "desk/help.html", sections=sections(numbers))
