"""Key file for an installation on the local broker."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.local_broker.paths import BrokerPaths
from events.client.settings import host_and_port

_FILE: Final = "keys"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def with_local_keys(settings: Settings, env: Mapping[str, str]) -> Settings:
    """Return `settings` with a key file, generated beside the broker's data if the broker is local and none is set.

    If no file can be written, the settings are unchanged, and each stage logs that its keys are not secret.
    """
    addresses = map(host_and_port, settings.broker.split(","))
    if settings.key_file or any(address is None or address[0] not in _LOOPBACK for address in addresses):
        return settings
    path = BrokerPaths.from_environment(env).state / _FILE
    with suppress(OSError):
        Keys.generate(path)
        return replace(settings, key_file=str(path))
    return settings
