"""The web application of the running program: what its pages need, and the routes of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bot.channels.registry import Hooked, windows_of
from bot.channels.webchat import WebChat
from bot.shown import commune_in_words, emergency_numbers, spoken, why_in_words
from bot.web.app import build_app
from bot.web.deps import DeskHelp, WebDeps
from bot.web.hub import Hub
from bot.web.policy import ROUTES
from handlers.handoff import Handoff
from handlers.model import Address
from handlers.policies import AUDIT, CASES, CONTACTS, days_of
from handlers.referring import Referring
from handlers.seeker import leave

if TYPE_CHECKING:
    from bot.wiring.service import Service


def web_app(service: Service, webchat: WebChat, hub: Hub) -> web.Application:
    config, worlds = service.config, service.worlds

    referring = Referring(service.desk, worlds)

    async def left(address: Address) -> None:
        await service.storage.door.run(leave, address)

    app = build_app(
        WebDeps(
            door=service.storage.door,
            wakeups=service.storage.wakeups,
            receive=service.receive,
            desk=service.desk,
            help=DeskHelp(
                referring=referring,
                handoff=Handoff(referring, worlds),
                directory=lambda: worlds.current.directory,
                gazetteer=lambda: worlds.current.gazetteer,
            ),
            hub=hub,
            page_key=service.storage.secrets.session,
            numbers=lambda: emergency_numbers(worlds),
            leave=left,
            channel=webchat,
            public_url=config.web.public_url,
            exit_url=config.web.exit_url,
            kept_days=days_of(config.keeping.policies, CONTACTS),
            ledger_days=max(days_of(config.keeping.policies, kind) for kind in (AUDIT, CASES)),
            behind_proxy=config.web.behind_proxy,
            zone=config.zone,
            place_name=lambda code: commune_in_words(worlds, code),
            why=lambda place: why_in_words(worlds, place),
            second_factor_for=frozenset(config.staff.require_second_factor),
            staffing=service.staffing,
            windows=windows_of(config),
            operator=config.operator.name,
            contact=config.operator.contact,
            base_language=lambda: worlds.current.library.manifest.language,
            spoken=lambda code: spoken(worlds, code),
            look=service.looking.standing,
            metrics=service.metrics,
            metrics_token=config.metrics.read(),
        ),
        service.state,
    )
    for channel in service.channels.values():
        if isinstance(channel, Hooked) and channel.route:
            app[ROUTES].add_signed("POST", channel.route, channel.webhook(service.receive))
    return app
