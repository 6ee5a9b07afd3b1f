"""Makes each configured channel: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, runtime_checkable

from aiohttp import web

from bot.channels.pager import Pager
from bot.channels.render import Wording
from bot.channels.telegram import TelegramChannel, TelegramSettings
from bot.channels.telegram_group import GroupSettings, TelegramGroup, surface_of
from bot.channels.zalo_bot import ZaloBotChannel, ZaloBotSettings
from bot.channels.zalo_oa import ZaloOaChannel, ZaloOaSettings
from bot.config import Config, ReplyWindowConfig, TelegramConfig, ZaloBotConfig, ZaloOaConfig
from handlers.desk import Desk
from handlers.paging import DESK, PAGER, Surfaces
from handlers.ports import Alarms, Budgets, Channel, Counters, Door, Receive, StaffLine, Surface, Vault
from handlers.rules.windows import ReplyWindow

Handler = Callable[[web.Request], Awaitable[web.Response]]


@runtime_checkable
class Hooked(Protocol):
    """A channel that a platform brings messages to."""

    route: str  # the path of its webhook; "" when it fetches them

    def webhook(self, receive: Receive) -> Handler:
        """The handler of POST `route`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What channels need from the rest of the program."""

    public_url: str
    vault: Vault
    alarms: Alarms
    budgets: Budgets
    counters: Counters
    staff: StaffLine
    door: Door
    desk: Desk
    audio: Callable[[str], Awaitable[bytes | None]]
    clock: Callable[[], datetime]
    wording: Wording
    beats: Callable[[str], None] = lambda name: None  # this channel's receiving loop lives


def surfaces_of(config: Config) -> Surfaces:
    """The ways to reach staff that an operator has written, beside the desk page."""
    groups = [one for one in config.channels if isinstance(one, TelegramConfig) and one.staff_group is not None]
    return Surfaces(
        personal=(DESK, PAGER) if config.pager is not None else (DESK,),
        bound=tuple(one.name for one in config.channels if isinstance(one, ZaloBotConfig) and one.staff_pages),
        groups=tuple(surface_of(one.name) for one in groups),
        talks=tuple(surface_of(one.name) for one in groups if one.staff_group and one.staff_group.relay_content),
    )


def windows_of(config: Config) -> dict[str, ReplyWindow]:
    """By channel, how long after her last line the platform lets us answer; channels without a limit are not in it."""
    return {one.name: _window(one.window) for one in config.channels if isinstance(one, ZaloOaConfig)}


def staff_surfaces(config: Config, channels: Mapping[str, Channel], parts: Parts) -> dict[str, Surface]:
    """The surfaces of `surfaces_of`, by name. Raises ConfigError when a secret cannot be read."""
    found: dict[str, Surface] = {}
    if config.pager is not None:
        written = config.pager
        found[PAGER] = Pager(written.url, written.secret.read(), proxy=written.proxy, clock=parts.clock)
    for channel in channels.values():
        if isinstance(channel, ZaloBotChannel) and channel.name in surfaces_of(config).bound:
            found[channel.name] = channel
        if isinstance(channel, TelegramChannel) and channel.group is not None:
            found[channel.group.name] = channel.group
    return found


def build(written: TelegramConfig | ZaloOaConfig | ZaloBotConfig, parts: Parts) -> Channel:
    """The channel an operator has written. Raises ConfigError when a secret cannot be read."""
    match written:
        case TelegramConfig():
            return _telegram(written, parts)
        case ZaloOaConfig():
            return _zalo_oa(written, parts)
        case ZaloBotConfig():
            return _zalo_bot(written, parts)


def _telegram(written: TelegramConfig, parts: Parts) -> Channel:
    # Telegram brings updates over https only; without it an operator's own gateway has to know where we are.
    public = parts.public_url.rstrip("/") if parts.public_url.startswith("https://") else ""
    settings = TelegramSettings(
        token=written.token.read(),
        base_url=written.base_url,
        mode=written.mode,
        webhook_secret=written.webhook_secret.read() if written.webhook_secret else "",
        webhook_url=f"{public}/webhooks/telegram/{written.name}" if public else "",
        proxy=written.proxy,
        poll_timeout_s=written.poll_timeout_s,
    )
    channel = TelegramChannel(
        written.name,
        settings,
        budgets=parts.budgets,
        alarms=parts.alarms,
        audio=parts.audio,
        wording=parts.wording,
        beats=partial(parts.beats, written.name),
    )
    if written.staff_group is not None:
        group = GroupSettings(
            chat_id=written.staff_group.chat_id,
            relay_content=written.staff_group.relay_content,
            desk_url=f"{public}/desk" if public else "",
        )
        channel.group = TelegramGroup(
            written.name, channel.api, group, door=parts.door, desk=parts.desk, clock=parts.clock
        )
    return channel


def _zalo_oa(written: ZaloOaConfig, parts: Parts) -> Channel:
    settings = ZaloOaSettings(
        app_id=written.app_id,
        app_secret=written.app_secret.read(),
        webhook_secret=written.webhook_secret.read(),
        seed=written.refresh_token.read,
        oa_id=written.oa_id,
        variant=written.signature,
        base_url=written.base_url,
        oauth_url=written.oauth_url,
        public_url=parts.public_url,
        proxy=written.proxy,
        per_minute=written.per_minute,
        window=_window(written.window),
    )
    return ZaloOaChannel(
        written.name,
        settings,
        vault=parts.vault,
        alarms=parts.alarms,
        budgets=parts.budgets,
        clock=parts.clock,
        wording=parts.wording,
    )


def _zalo_bot(written: ZaloBotConfig, parts: Parts) -> Channel:
    settings = ZaloBotSettings(
        token=written.token.read(),
        mode=written.mode,
        webhook_secret=written.webhook_secret.read() if written.webhook_secret else "",
        public_url=parts.public_url,
        base_url=written.base_url,
        proxy=written.proxy,
        poll_timeout_s=written.poll_timeout_s,
        monthly_messages=written.monthly_messages,
    )
    return ZaloBotChannel(
        written.name,
        settings,
        alarms=parts.alarms,
        budgets=parts.budgets,
        counters=parts.counters,
        staff=parts.staff if written.staff_pages else None,
        clock=parts.clock,
        wording=parts.wording,
        beats=partial(parts.beats, written.name),
    )


def _window(written: ReplyWindowConfig) -> ReplyWindow:
    return ReplyWindow(
        free_for=timedelta(hours=written.free_h), open_for=timedelta(hours=written.shut_h), pays=written.pay
    )
