"""What an operator decides: a YAML file, environment variables, and options of the command.

An option beats a variable beats the file. Variables are named like ``TONFALL_SERVER__PORT``: the
path to a setting, parted by two underscores. What is not a setting is refused.
"""

from tonfall.serve.settings.alerts import Alerts, Smtp, Webhook
from tonfall.serve.settings.auth import Auth, Oidc
from tonfall.serve.settings.base import DEFAULT_TENANT
from tonfall.serve.settings.calls import Calls
from tonfall.serve.settings.carriers import (
    AsteriskConnection,
    AudioHookClientKey,
    AudioSocketPort,
    Carriers,
    RtpLine,
    TwilioAccount,
)
from tonfall.serve.settings.model import Model
from tonfall.serve.settings.privacy import Privacy, Retention, ScoreAgent, check_salt
from tonfall.serve.settings.reading import read_settings
from tonfall.serve.settings.server import Database, Limits, Server, Tls, is_loopback
from tonfall.serve.settings.whole import Settings

__all__ = [
    "DEFAULT_TENANT",
    "Alerts",
    "AsteriskConnection",
    "AudioHookClientKey",
    "AudioSocketPort",
    "Auth",
    "Calls",
    "Carriers",
    "Database",
    "Limits",
    "Model",
    "Oidc",
    "Privacy",
    "Retention",
    "RtpLine",
    "ScoreAgent",
    "Server",
    "Settings",
    "Smtp",
    "Tls",
    "TwilioAccount",
    "Webhook",
    "check_salt",
    "is_loopback",
    "read_settings",
]
