"""Typing one's password again before something that changes who gets in: an unlocked phone left lying must not be enough."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.forms import read_form
from bot.web.guard import STAFF, TOKEN_HASH
from bot.web.signin import VERIFIER
from handlers.errors import BinhAnError, TooManyTries
from handlers.second_factors import Mine
from handlers.signing_in import Confirmed, Knock, Throttle, confirmed, knock


class WrongPassword(BinhAnError):
    """The password was wrong; nothing was changed."""

    code = "wrong-password"


async def confirm(request: web.Request) -> Mine:
    """Who does it, once her password (the field `password`) was right. WrongPassword; TooManyTries, counted by themselves."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    throttle = Throttle(name="", source="", device=f"confirm:{staff.uid}")
    known = await deps.door.run(knock, Knock(name=staff.name, throttle=throttle))
    if isinstance(known, TooManyTries):
        raise known
    password = (await read_form(request)).get("password", "")
    if not await request.config_dict[VERIFIER].matches(password, known.password_hash, known=True):
        raise WrongPassword
    await deps.door.run(confirmed, Confirmed(throttle=throttle))
    return Mine(staff_uid=staff.uid, token_hash=request[TOKEN_HASH], password_hash=known.password_hash)
