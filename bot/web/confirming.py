"""Typing one's password again before something that changes who gets in: an unlocked phone left lying must not be enough."""

from __future__ import annotations

from aiohttp import web

from bot.web.deps import DEPS
from bot.web.guard import STAFF, TOKEN_HASH
from bot.web.signin import VERIFIER
from handlers.errors import TooManyTries
from handlers.second_factors import Mine
from handlers.signing_in import Confirmed, Knock, Throttle, confirmed, knock


async def confirm(request: web.Request, fields: dict[str, str]) -> Mine | str:
    """Who does it, once her password (the field `password`) was right; else what to say. Her tries are counted by themselves."""
    deps, staff = request.config_dict[DEPS], request[STAFF]
    throttle = Throttle(name="", source="", device=f"confirm:{staff.uid}")
    known = await deps.door.run(knock, Knock(name=staff.name, throttle=throttle))
    if isinstance(known, TooManyTries):
        return "too_many_tries"
    verifier = request.config_dict[VERIFIER]
    if not await verifier.matches(fields.get("password", ""), known.password_hash, known=True):
        return "wrong_password"
    await deps.door.run(confirmed, Confirmed(throttle=throttle))
    return Mine(staff_uid=staff.uid, token_hash=request[TOKEN_HASH], password_hash=known.password_hash)
