"""Client settings: the broker, the prefix of the environment, and security.

Nothing is read at import: `ClientSettings.from_environment(os.environ)` reads once, and is passed on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from events.client.security import PLAINTEXT, Security
from events.errors import AlurError

DEFAULT_BROKER: Final = "127.0.0.1:9092"

_ADDRESS: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
HIGHEST_PORT: Final = 65_535
_TOPIC_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._-]*")
# of 249 characters of a topic name; the contract's names have less than 49
_LONGEST_PREFIX: Final = 200

Variables = Mapping[str, tuple[str, Callable[[str], Any]]]
"""Variable of each field, with its parser, which raises `ValueError`."""


class SettingsError(AlurError):
    """An environment variable has an invalid value; the message names the variable and its valid values."""


@dataclass(frozen=True)
class ClientSettings:
    """Settings of a client of Kafka.

    `broker`: one or more `host:port`, joined by commas. `prefix`: of topics, groups and transactional ids. `security`:
    authentication and encryption.
    """

    broker: str = DEFAULT_BROKER
    prefix: str = ""
    security: Security = PLAINTEXT

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "ClientSettings":
        """Read `ALUR_*` and the files that they name; raise a SettingsError for an invalid value."""
        try:
            security = Security.from_environment(env)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        return ClientSettings(security=security, **read_variables(env, _VARIABLES))

    def to_environment(self) -> dict[str, str]:
        """Return variables that give another process the same settings; they may include a password."""
        return {"ALUR_BROKER": self.broker, "ALUR_PREFIX": self.prefix, **self.security.to_environment()}

    def topic(self, name: str) -> str:
        """Return the topic's name in this environment."""
        return f"{self.prefix}{name}"


def read_variables(env: Mapping[str, str], known: Variables) -> dict[str, Any]:
    """Return the fields that have a variable in `env`; raise a SettingsError for a bad value."""
    fields = {}
    for field, (name, parse) in known.items():
        if text := env.get(name, "").strip():
            try:
                fields[field] = parse(text)
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from None
    return fields


def host_and_port(text: str) -> tuple[str, int] | None:
    """Split `host:port`, an IPv6 address without its brackets; return None for other text."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= HIGHEST_PORT:
        return None
    return match["host"].strip("[]"), int(match["port"])


def _broker(text: str) -> str:
    addresses = [address.strip() for address in text.split(",")]
    for address in addresses:
        if host_and_port(address) is None:
            raise ValueError(f"{address!r} is not host:port; give one such address, or several joined by commas")
    return ",".join(addresses)


def valid_prefix(text: str) -> str:
    """Validate a prefix of topics; raise `ValueError`."""
    if not _TOPIC_CHARACTERS.fullmatch(text):
        raise ValueError(f"{text!r} does not fit into a topic's name; letters, digits, '.', '_' and '-' do")
    if len(text) > _LONGEST_PREFIX:
        raise ValueError(f"{len(text)} characters are too many, a topic's name has room for {_LONGEST_PREFIX}")
    return text


_VARIABLES: Final[Variables] = {"broker": ("ALUR_BROKER", _broker), "prefix": ("ALUR_PREFIX", valid_prefix)}
