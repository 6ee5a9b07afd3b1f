"""The staff list at the desk: a code to read out to a colleague who has lost her phone, and cutting somebody off at once.

Every command asks for the password of whoever gives it, is written to the audit log, and works on anybody but herself. New people
and new passwords are made at the server (`python -m bot staff`), so that nobody can do both alone from a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.web.account import role_words
from bot.web.account_texts import ACCOUNT
from bot.web.confirming import confirm
from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import STATUS, desk_page
from bot.web.forms import read_form
from bot.web.guard import STAFF
from bot.web.policy import Routes
from bot.web.signin import name_key
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.factors import FactorKind, spaced
from handlers.model import Staff
from handlers.permissions import Action
from handlers.ports import UnitOfWork
from handlers.sessions import lives
from handlers.staffing import EndSessions, MakeHelpCode, NoSuchStaff, ResetFactors, SetEnabled, Unlock

ACTS = ("help_code", "end", "unlock", "reset", "disable", "enable")
"""What can be done for a colleague, gentle things first."""

Act = Callable[[WebDeps, str, Staff], Awaitable[str]]
"""(deps, uid of whoever does it, colleague) -> what is to be shown once, or ""."""


def add_routes(routes: Routes) -> None:
    """The routes of the staff list."""
    routes.add("GET", "/staff", show_staff, Action.KEEP_STAFF)
    routes.add("POST", "/staff/{staff}", post_act, Action.KEEP_STAFF)


async def show_staff(request: web.Request) -> web.StreamResponse:
    """GET /desk/staff: everybody, with what opens the desk to them."""
    return await _staff_page(request, hint=ACCOUNT.get(request.query.get("m", ""), ""))


async def _staff_page(request: web.Request, *, hint: str = "", status: int = 200) -> web.StreamResponse:
    deps = request.config_dict[DEPS]
    listed = await deps.door.read(_list)
    people = [_words(one, kinds, sessions, request) for one, kinds, sessions in listed]
    return desk_page(request, "desk/staff.html", status=status, a=ACCOUNT, hint=hint, people=people)


def _list(uow: UnitOfWork) -> list[tuple[Staff, list[FactorKind], int]]:
    kinds = uow.factors.kinds()
    return [
        (one, kinds.get(one.uid, []), sum(lives(session, uow.now) for session in uow.staff.sessions(one.uid)))
        for one in uow.staff.all()
    ]


def _words(one: Staff, kinds: list[FactorKind], sessions: int, request: web.Request) -> dict[str, Any]:
    needed = request.config_dict[DEPS].needs_factor(one.roles)
    none = ACCOUNT["second_needed" if needed else "second_none"]
    acts = [act for act in ACTS if _fits(act, one, kinds)]
    return {
        "uid": one.uid,
        "name": one.name,
        "alias": one.alias,
        "roles": role_words(one.roles),
        "enabled": one.enabled,
        "me": one.uid == request[STAFF].uid,
        "second": ", ".join(ACCOUNT[kind.value] for kind in dict.fromkeys(kinds)) or none,
        "sessions": sessions,
        "acts": [{"name": act, "words": ACCOUNT[act], "why": ACCOUNT.get(f"{act}_why", "")} for act in acts],
    }


def _fits(act: str, one: Staff, kinds: list[FactorKind]) -> bool:
    if not one.enabled or act == "enable":
        return not one.enabled and act == "enable"
    return bool(kinds) or act not in ("help_code", "reset")


async def post_act(request: web.Request) -> web.StreamResponse:
    """Do one thing for a colleague."""
    deps, me = request.config_dict[DEPS], request[STAFF]
    fields = await read_form(request)
    act = _ACTS.get(fields.get("act", ""))
    uid = request.match_info["staff"][:32]
    colleague = await deps.door.read(lambda uow: uow.staff.get(uid))
    if act is None or colleague is None:
        return await _refused(
            request, "nothing-chosen" if act is None else NoSuchStaff.code, 409 if act is None else 404
        )
    try:
        await confirm(request)
        shown = await act(deps, me.uid, colleague)
    except StorageUnavailable:
        raise
    except BinhAnError as error:
        return await _refused(request, error.code, STATUS.get(error.code, 409))
    if shown:
        return desk_page(
            request, "desk/help_code.html", a=ACCOUNT, hint="", colleague=colleague.name, code=spaced(shown)
        )
    return web.Response(status=303, headers={"Location": "/desk/staff?m=done"})


async def _refused(request: web.Request, what: str, status: int) -> web.StreamResponse:
    return await _staff_page(request, hint=ACCOUNT.get(what, ACCOUNT["not-allowed"]), status=status)


async def _help_code(deps: WebDeps, by: str, colleague: Staff) -> str:
    code: str = await deps.door.run(deps.staffing.make_help_code, MakeHelpCode(name=colleague.name, by=by))
    return code


async def _end(deps: WebDeps, by: str, colleague: Staff) -> str:
    await deps.door.run(deps.staffing.end_sessions, EndSessions(name=colleague.name, by=by))
    return ""


async def _reset(deps: WebDeps, by: str, colleague: Staff) -> str:
    await deps.door.run(deps.staffing.reset_factors, ResetFactors(name=colleague.name, by=by))
    return ""


async def _disable(deps: WebDeps, by: str, colleague: Staff) -> str:
    await deps.door.run(deps.staffing.set_enabled, SetEnabled(name=colleague.name, enabled=False, by=by))
    return ""


async def _enable(deps: WebDeps, by: str, colleague: Staff) -> str:
    await deps.door.run(deps.staffing.set_enabled, SetEnabled(name=colleague.name, enabled=True, by=by))
    return ""


async def _unlock(deps: WebDeps, by: str, colleague: Staff) -> str:
    item = Unlock(name=colleague.name, name_key=name_key(deps, colleague.name), by=by)
    await deps.door.run(deps.staffing.unlock, item)
    return ""


_ACTS: dict[str, Act] = {
    "help_code": _help_code,
    "end": _end,
    "reset": _reset,
    "disable": _disable,
    "enable": _enable,
    "unlock": _unlock,
}
