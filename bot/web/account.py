"""A staff member's own page: second factors, spare codes, password, sessions. Works without script, but for keys, which need one.

Whatever changes who gets in asks for the password again. Nothing here is for anybody else: see `bot/web/staff_page.py`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from datetime import datetime
from functools import wraps

import segno
from aiohttp import web
from markupsafe import Markup

from bot.web import keys
from bot.web.account_texts import ACCOUNT
from bot.web.confirming import confirm
from bot.web.deps import DEPS, WebDeps
from bot.web.desk_page import STATUS, desk_page
from bot.web.forms import read_form
from bot.web.guard import STAFF, TOKEN_HASH, owes_factor, set_cookie, token_hash
from bot.web.handler import Handler
from bot.web.passwords import hash_password_aside, problem
from bot.web.policy import Routes
from bot.web.texts import DESK
from bot.web.tickets import open_ticket, ticket
from handlers import second_factors as own
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.factors import Factor, address_of, new_seed, spaced, typed
from handlers.model import Role, SignIn

PATH = "/desk/me"
ISSUER = "Bình An"
ENROL_WITHIN_S = 600
FEW_CODES = 3


def add_routes(routes: Routes) -> None:
    """The routes of the own account; everybody signed in may use them, about herself."""
    routes.add_own("GET", "/me", show_account)
    routes.add_own("POST", "/me/totp", post_totp)
    routes.add_own("POST", "/me/totp/confirm", post_totp_code)
    routes.add_own("POST", "/me/key", post_key)
    routes.add_own("POST", "/me/key/confirm", post_key_answer)
    routes.add_own("POST", "/me/remove", post_remove)
    routes.add_own("POST", "/me/codes", post_codes)
    routes.add_own("POST", "/me/password", post_password)
    routes.add_own("POST", "/me/others", post_others)


async def show_account(request: web.Request) -> web.StreamResponse:
    """GET /desk/me."""
    said = request.query.get("m", "")
    return await _account_page(request, hint=ACCOUNT.get(said) or DESK.get(said, ""))


async def _account_page(request: web.Request, *, hint: str = "", status: int = 200) -> web.StreamResponse:
    deps, staff = request.config_dict[DEPS], request[STAFF]
    seen: own.Account = await deps.door.read(lambda uow: own.account(uow, staff.uid))
    owes = owes_factor(request, deps)
    return desk_page(
        request,
        "desk/account.html",
        status=status,
        a=ACCOUNT,
        hint=hint or (ACCOUNT["must_enrol"] if owes else ""),
        owes=owes,
        factors=[_factor_words(one, deps) for one in seen.factors],
        codes_left=seen.codes_left,
        codes_few=bool(seen.factors) and seen.codes_left <= FEW_CODES,
        sessions=[_session_words(one, request, deps) for one in seen.sessions],
        keys_here=keys.party_of(request, deps) is not None,
    )


def _saying(handler: Handler) -> Handler:
    """A command whose refusals are said on the page of the account."""

    @wraps(handler)
    async def saying(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except StorageUnavailable:
            raise
        except BinhAnError as error:
            return await _refused(request, error.code, STATUS.get(error.code, 409))

    return saying


async def _refused(request: web.Request, what: str, status: int = 403) -> web.StreamResponse:
    return await _account_page(request, hint=ACCOUNT.get(what, ACCOUNT["not-allowed"]), status=status)


# --- an app ------------------------------------------------------------------------------------------------------------


@_saying
async def post_totp(request: web.Request) -> web.StreamResponse:
    """Show the seed, as a picture and in letters; nothing is enrolled until its code was typed."""
    mine = await confirm(request)
    return _totp_page(request, new_seed(), mine.password_hash)


def _totp_page(
    request: web.Request, seed: str, password_hash: str, *, hint: str = "", status: int = 200
) -> web.Response:
    deps, staff = request.config_dict[DEPS], request[STAFF]
    sealed = {"seed": seed, "at": int(time.time()), "password": _mark_of(password_hash)}
    address = address_of(seed, staff.name, ISSUER)
    return desk_page(
        request,
        "desk/totp.html",
        status=status,
        a=ACCOUNT,
        hint=hint,
        picture=picture_of(address),
        address=address.removeprefix("otpauth://totp/"),
        seed=" ".join(seed[at : at + 4] for at in range(0, len(seed), 4)),
        ticket=ticket(deps.page_key, sealed, request[TOKEN_HASH]),
    )


@_saying
async def post_totp_code(request: web.Request) -> web.StreamResponse:
    """The app shows the right code: enrolled."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    fields = await read_form(request)
    sealed = open_ticket(deps.page_key, fields.get("ticket", ""), request[TOKEN_HASH])
    fresh = sealed is not None and 0 <= time.time() - sealed["at"] <= ENROL_WITHIN_S
    if sealed is None or not fresh or sealed["password"] != _mark_of(staff.password_hash):
        return await _refused(request, "stale_page")
    token = secrets.token_urlsafe(32)
    item = own.AddTotp(
        mine=_mine(request), seed=sealed["seed"], code=typed(fields.get("code", "")), new_token_hash=token_hash(token)
    )
    added = await deps.door.run(deps.account.add_totp, item)
    if added is None:
        return _totp_page(request, sealed["seed"], staff.password_hash, hint=ACCOUNT["wrong_code"], status=403)
    return _enrolled(request, token, added)


def picture_of(address: str) -> Markup:
    """The picture an app reads, drawn with attributes alone: the page's policy lets no style stand in it."""
    code = segno.make(address, error="m", micro=False)
    drawn = code.svg_inline(scale=5, border=3, dark="#000", light="#fff", svgclass=None, lineclass=None, omitsize=True)
    return Markup(drawn)  # noqa: S704 (drawn by us, from dots)


# --- a key -------------------------------------------------------------------------------------------------------------


class NoKeysHere(BinhAnError):
    """Browsers give keys only to a host with a name, over https; use an app, or open the page by its name."""

    code = "no_keys_here"


def _party(request: web.Request) -> keys.Party:
    party = keys.party_of(request, request.config_dict[DEPS])
    if party is None:
        raise NoKeysHere
    return party


@_saying
async def post_key(request: web.Request) -> web.StreamResponse:
    """Ask the browser for a new key."""
    deps, party = request.config_dict[DEPS], _party(request)
    mine = await confirm(request)
    challenge = secrets.token_bytes(32)
    known = await deps.door.run(deps.account.ask_new_key, own.AskNewKey(mine=mine, challenge=challenge))
    options = json.dumps(keys.ask_new(party, request[STAFF], known, challenge))
    return desk_page(request, "desk/key.html", a=ACCOUNT, hint="", options=options)


@_saying
async def post_key_answer(request: web.Request) -> web.StreamResponse:
    """The key has answered: enrolled."""
    deps, party = request.config_dict[DEPS], _party(request)
    answer, token = (await read_form(request)).get("answer", ""), secrets.token_urlsafe(32)
    item = own.AddKey(
        mine=_mine(request),
        read=lambda challenge: keys.read_new(party, answer, challenge),
        new_token_hash=token_hash(token),
    )
    added = await deps.door.run(deps.account.add_key, item)
    return await _refused(request, "wrong_key") if added is None else _enrolled(request, token, added)


# --- the rest ----------------------------------------------------------------------------------------------------------


@_saying
async def post_remove(request: web.Request) -> web.StreamResponse:
    """Take a factor away."""
    deps, mine = request.config_dict[DEPS], await confirm(request)
    factor = (await read_form(request)).get("factor", "")[:32]
    item = own.RemoveFactor(mine=mine, factor_uid=factor, required=deps.needs_factor(request[STAFF].roles))
    await deps.door.run(deps.account.remove, item)
    return _back("removed")


@_saying
async def post_codes(request: web.Request) -> web.StreamResponse:
    """Ten new spare codes."""
    deps, mine = request.config_dict[DEPS], await confirm(request)
    return _codes_page(request, await deps.door.run(deps.account.new_codes, own.NewCodes(mine=mine)), "renewed")


@_saying
async def post_password(request: web.Request) -> web.StreamResponse:
    """A new password of her own choice."""
    deps, mine = request.config_dict[DEPS], await confirm(request)
    new = (await read_form(request)).get("new", "")
    wrong = problem(new, request[STAFF].name, request[STAFF].alias)
    if wrong:
        return await _refused(request, wrong, 409)
    item = own.ChangePassword(mine=mine, new_hash=await hash_password_aside(new))
    await deps.door.run(deps.account.change_password, item)
    return _back("password_changed")


@_saying
async def post_others(request: web.Request) -> web.StreamResponse:
    """End all of her other sessions, at once: no password is asked, it takes rights away and gives none."""
    deps = request.config_dict[DEPS]
    await deps.door.run(deps.account.end_others, own.EndOthers(mine=_mine(request)))
    return _back("others_ended")


def _mine(request: web.Request) -> own.Mine:
    """The password was compared a step before, and what it gave is checked again by whoever takes this."""
    staff = request[STAFF]
    return own.Mine(staff_uid=staff.uid, token_hash=request[TOKEN_HASH], password_hash=staff.password_hash)


def _mark_of(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()


def _enrolled(request: web.Request, token: str, added: own.Added) -> web.StreamResponse:
    """The session goes on under a new token; spare codes are shown now or never."""
    request[TOKEN_HASH] = token_hash(token)
    response = _codes_page(request, added.codes, "added") if added.codes else _back("added")
    set_cookie(response, request.config_dict[DEPS], token)
    return response


def _codes_page(request: web.Request, codes: tuple[str, ...], said: str) -> web.Response:
    return desk_page(request, "desk/codes.html", a=ACCOUNT, hint="", codes=[spaced(code) for code in codes], said=said)


def _back(said: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/desk/me?m={said}"})


def _factor_words(one: Factor, deps: WebDeps) -> dict[str, str]:
    used = f"{ACCOUNT['used_on']} {_day(one.last_used_at, deps)}" if one.last_used_at else ACCOUNT["never_used"]
    return {"uid": one.uid, "kind": ACCOUNT[one.kind.value], "added": _day(one.created_at, deps), "used": used}


def _session_words(one: SignIn, request: web.Request, deps: WebDeps) -> dict[str, str]:
    here = one.token_hash == request[TOKEN_HASH]
    return {"where": ACCOUNT["session_here" if here else "session_other"], "seen": _moment(one.last_seen_at, deps)}


def _day(at: datetime, deps: WebDeps) -> str:
    return at.astimezone(deps.zone).strftime("%d/%m/%Y")


def _moment(at: datetime, deps: WebDeps) -> str:
    return at.astimezone(deps.zone).strftime("%H:%M %d/%m")


def role_words(roles: tuple[Role, ...]) -> str:
    """Roles as staff read them."""
    return ", ".join(ACCOUNT[f"role_{role.value}"] for role in roles)
