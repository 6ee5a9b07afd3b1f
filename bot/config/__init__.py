"""What an operator writes in `config.yaml`, read strictly: unknown keys are refused with file, line and column.

Secrets stand in the configuration only as references (`file:PATH`, preferred, or `env:NAME`); their values are never printed.
Everything has a default, so that no file at all gives the embedded demo.
"""

from __future__ import annotations

from bot.config.channels import CHANNELS, ReplyWindowConfig, TelegramConfig, ZaloBotConfig, ZaloOaConfig
from bot.config.loading import Config, load_config
from bot.config.parts import DatabaseConfig
from bot.config.secret import ConfigError, Secret, secrets_of

__all__ = [
    "CHANNELS",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "ReplyWindowConfig",
    "Secret",
    "TelegramConfig",
    "ZaloBotConfig",
    "ZaloOaConfig",
    "load_config",
    "secrets_of",
]
