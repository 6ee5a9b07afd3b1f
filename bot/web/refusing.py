"""The pages for whoever is refused at the desk's door: what it is, who may, and a way on. Nobody ends at a bare line of text.

They tell a signed-in member of staff nothing that the table of rights does not say to everybody; whether a case exists is not
asked. What she had written in the form stands on the page again.
"""

from __future__ import annotations

from aiohttp import web

from bot.web.account import role_words
from bot.web.desk_page import desk_page
from bot.web.forms import read_form
from bot.web.guard import NoRight, NotOurForm, NotSignedIn
from bot.web.handler import Handler
from bot.web.pages import page
from bot.web.security import error_page
from bot.web.texts import ACTION, DESK
from handlers.model import Role
from handlers.permissions import MAY, Action


@web.middleware
async def explaining(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Around the guard: a browser that asked for a page gets one, a script gets the bare status."""
    nowhere = request.match_info.http_exception
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        if error is not nowhere or "text/html" not in request.headers.get("Accept", ""):
            raise
        return _nowhere(request, error)
    except (NoRight, NotOurForm, NotSignedIn) as refused:
        if "text/html" not in request.headers.get("Accept", ""):
            return error_page(refused.status)
        return await _page_of(request, refused)


def _nowhere(request: web.Request, error: web.HTTPNotFound | web.HTTPMethodNotAllowed) -> web.Response:
    """For somebody signed in, as the guard has made sure: a mistyped address, or one that only a form may use."""
    response = desk_page(request, "desk/nowhere.html", status=error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


async def _page_of(request: web.Request, refused: NoRight | NotOurForm | NotSignedIn) -> web.Response:
    kept = await _written(request)
    if isinstance(refused, NotSignedIn):
        return page("desk/sign_in.html", status=401, t=DESK, hint=DESK["gone"], name="", kept=kept)
    if isinstance(refused, NotOurForm):
        return desk_page(request, "desk/refused.html", status=403, hint=DESK["old_page"], kept=kept)
    what, who = words_of(refused.actions)
    return desk_page(request, "desk/no_right.html", status=403, hint=DESK["no_right"], kept=kept, what=what, who=who)


def words_of(actions: tuple[Action, ...]) -> tuple[str, str]:
    """What these actions are, and the roles that may do any of them."""
    roles = tuple(role for role in Role if not MAY[role].isdisjoint(actions))
    return ACTION[actions[0]], role_words(roles)


async def _written(request: web.Request) -> str:
    """The words of the posted form: a line to the seeker or a note, or what was to be told to a service."""
    if request.method != "POST":
        return ""
    try:
        fields = await read_form(request)
    except web.HTTPException:  # too long, or no form at all: nothing of it can be shown
        return ""
    words = [value for name, value in fields.items() if name == "text" or name.startswith("words_")]
    return "\n".join(word for word in words if word)
