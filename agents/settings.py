"""What an installation is told through its environment: where Kafka is, and how this environment sets itself apart.

Nothing is read at import: the entry points call `Settings.from_environment(os.environ)` once and hand the result on.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, cast

from agents.security import PLAINTEXT, Security

DEFAULT_BROKER: Final = "127.0.0.1:9092"

_ADDRESS: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT: Final = 65_535
_TOPIC_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._-]*")
# Kafka takes topic names of up to 249 characters; what we put behind the prefix is shorter than 49
_LONGEST_PREFIX: Final = 200
_LOG_FORMATS: Final = ("auto", "pretty", "json")
_HIGHEST_PARTITIONS: Final = 1_000  # a tracking id has three digits for the partition
_HIGHEST_REPLICATION: Final = 32_767  # a short in Kafka's protocol

LogFormat = Literal["auto", "pretty", "json"]
_Value = TypeVar("_Value")


class SettingsError(Exception):
    """A variable of the environment has a value that cannot be used; the message names it and says what is needed."""


@dataclass(frozen=True)
class Settings:
    """The settings of one installation.

    `broker` is one or more `host:port` joined by commas. `prefix` stands as it is before every topic, group and
    transactional id. `policy` is the name of a policy that comes with us, or a file. `log` is `pretty`, `json`, or
    `auto`: pretty on a terminal and JSON otherwise. `security` is how Kafka and we know each other.
    """

    broker: str = DEFAULT_BROKER
    prefix: str = ""
    policy: str = "lapor"
    partitions: int = 12
    replication: int = 1
    log: LogFormat = "auto"
    security: Security = PLAINTEXT

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Read `ALUR_*`, and the files with secrets that they name; what is unset or empty has its default.

        Raises:
            SettingsError: a value, or a file that one names, cannot be used.
        """
        given = {name: value.strip() for name, value in env.items() if value.strip()}

        def read(name: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
            if name not in given:
                return default
            try:
                return parse(given[name])
            except ValueError as error:
                raise SettingsError(f"{name}: {error}") from None

        try:
            security = Security.from_environment(env)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        return cls(
            broker=read("ALUR_BROKER", _broker, cls.broker),
            prefix=read("ALUR_PREFIX", _prefix, cls.prefix),
            policy=read("ALUR_POLICY", str, cls.policy),
            partitions=read("ALUR_PARTITIONS", _count_up_to(_HIGHEST_PARTITIONS), cls.partitions),
            replication=read("ALUR_REPLICATION", _count_up_to(_HIGHEST_REPLICATION), cls.replication),
            log=read("ALUR_LOG", _log_format, cls.log),
            security=security,
        )

    def to_environment(self) -> dict[str, str]:
        """Return the variables that make another process read these same settings; a password may be among them."""
        return {
            "ALUR_BROKER": self.broker,
            "ALUR_PREFIX": self.prefix,
            "ALUR_POLICY": self.policy,
            "ALUR_PARTITIONS": str(self.partitions),
            "ALUR_REPLICATION": str(self.replication),
            "ALUR_LOG": self.log,
            **self.security.to_environment(),
        }

    def topic(self, name: str) -> str:
        """Return the topic's name in this environment."""
        return f"{self.prefix}{name}"

    def group(self, stage: str) -> str:
        """Return the consumer group of a stage in this environment."""
        return f"{self.prefix}{stage}"

    def transactional_id(self, stage: str, partition: int) -> str:
        """Return the id under which a stage writes for one partition; whoever takes it over fences the last owner."""
        return f"{self.prefix}{stage}-{partition}"


def _broker(text: str) -> str:
    addresses = [address.strip() for address in text.split(",")]
    for address in addresses:
        match = _ADDRESS.fullmatch(address)
        if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
            raise ValueError(f"{address!r} is not host:port; give one such address, or several joined by commas")
    return ",".join(addresses)


def _prefix(text: str) -> str:
    if not _TOPIC_CHARACTERS.fullmatch(text):
        raise ValueError(f"{text!r} does not fit into a topic's name; letters, digits, '.', '_' and '-' do")
    if len(text) > _LONGEST_PREFIX:
        raise ValueError(f"{len(text)} characters are too many, a topic's name has room for {_LONGEST_PREFIX}")
    return text


def _count_up_to(highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and 0 < int(text) <= highest):
            raise ValueError(f"{text!r} is not a whole number from 1 to {highest}")
        return int(text)

    return parse


def _log_format(text: str) -> LogFormat:
    if text not in _LOG_FORMATS:
        raise ValueError(f"{text!r} is none of {', '.join(_LOG_FORMATS)}")
    return cast("LogFormat", text)
