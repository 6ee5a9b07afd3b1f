"""The channels through which seekers write, each with its platform's own settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.config.secret import SecretRef
from bot.config.written import Name, Url, Written


class StaffGroupConfig(Written):
    """A Telegram group in which staff are called."""

    chat_id: Annotated[int, Field(lt=0)]
    relay_content: bool = False  # show what people write, in a topic for each case; the desk page is safer


class TelegramConfig(Written):
    """One Telegram bot."""

    name: Name
    platform: Literal["telegram"]
    token: SecretRef
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretRef | None = None
    base_url: Url = "https://api.telegram.org"
    proxy: str = ""
    poll_timeout_s: Annotated[int, Field(ge=0, le=50)] = 25
    staff_group: StaffGroupConfig | None = None

    def model_post_init(self, context: object, /) -> None:
        """A webhook without a secret would let anybody write."""
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError("webhook mode needs webhook_secret")


Hours = Annotated[int, Field(ge=1, le=24 * 365)]


class ReplyWindowConfig(Written):
    """How long after a person's last line the platform lets us answer."""

    free_h: Hours = 48  # free of charge so long
    shut_h: Hours = 168  # refused by the platform after this
    pay: bool = True  # answers between the two are sent, and billed

    def model_post_init(self, context: object, /) -> None:
        """Free time lies within the open time."""
        if self.free_h > self.shut_h:
            raise ValueError("free_h is longer than shut_h; the free time is the beginning of the open time")


class ZaloOaConfig(Written):
    """One Zalo Official Account."""

    name: Name
    platform: Literal["zalo-oa"]
    app_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,30}$")]
    oa_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,30}$")] = ""
    app_secret: SecretRef  # of the app: refreshes tokens
    webhook_secret: SecretRef  # the "OA secret key" of the webhook settings: signs events
    refresh_token: SecretRef  # the first one; later ones are kept by the program
    signature: Literal["", "app-body", "app-header", "oa-body", "oa-header"] = ""
    base_url: Url = "https://openapi.zalo.me"
    oauth_url: Url = "https://oauth.zaloapp.com"
    proxy: str = ""
    per_minute: Annotated[int, Field(ge=4, le=4000)] = 100
    window: ReplyWindowConfig = ReplyWindowConfig()


class ZaloBotConfig(Written):
    """One bot of the Zalo Bot Platform."""

    name: Name
    platform: Literal["zalo-bot"]
    token: SecretRef
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretRef | None = None
    base_url: Url = "https://bot-api.zaloplatforms.com"
    proxy: str = ""
    poll_timeout_s: Annotated[int, Field(ge=0, le=50)] = 25
    monthly_messages: Annotated[int, Field(ge=0)] = 3000  # of the plan, in and out together; 0: not counted
    staff_pages: bool = False  # staff who bind their account here are called here too

    def model_post_init(self, context: object, /) -> None:
        """A webhook without a secret would let anybody write."""
        if self.mode == "webhook" and self.webhook_secret is None:
            raise ValueError("webhook mode needs webhook_secret")


CHANNELS = (TelegramConfig, ZaloOaConfig, ZaloBotConfig)
PLATFORMS = ("telegram", "zalo-oa", "zalo-bot")
ChannelConfig = Annotated[TelegramConfig | ZaloOaConfig | ZaloBotConfig, Field(discriminator="platform")]
