"""Settings of an installation, from the environment.

Nothing is read at import: an entry point calls `Settings.from_environment(os.environ)` once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Final, Literal, cast

from agents.config.keys import Keys
from events.client.settings import HIGHEST_PORT, ClientSettings, Variables, host_and_port, read_variables

_LOG_FORMATS: Final = ("auto", "pretty", "json")
_HIGHEST_PARTITIONS: Final = 1_000  # a tracking id has three digits for the partition
_HIGHEST_REPLICATION: Final = 32_767  # a short in Kafka's protocol

LogFormat = Literal["auto", "pretty", "json"]
_HIGHEST_WEB_PORT: Final = HIGHEST_PORT - 100  # further stages use the next ports


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Address of a stage's HTTP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the address in the format of `ALUR_WEB`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def after(self, places: int) -> "WebAddress":
        """Return the address with the port increased by `places`."""
        return WebAddress(self.host, self.port + places)


@dataclass(frozen=True)
class Settings(ClientSettings):
    """Settings of any client, and those of the engine.

    `policy` is a packaged policy or a file. `log` is `pretty`, `json`, or `auto`: pretty on a terminal, else JSON.
    `web` is the HTTP port of the first stage; each further one has the next port. `key_file` holds the keys.
    """

    policy: str = "lapor"
    partitions: int = 12
    replication: int = 1
    log: LogFormat = "auto"
    web: WebAddress | None = None
    key_file: str | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Read `ALUR_*` and the files that they name; raise a SettingsError for an invalid value."""
        client = ClientSettings.from_environment(env)
        return cls(client.broker, client.prefix, client.security, **read_variables(env, _VARIABLES))

    def to_environment(self) -> dict[str, str]:
        """Return variables that give another process the same settings; they may include a password."""
        return {
            **super().to_environment(),
            "ALUR_POLICY": self.policy,
            "ALUR_PARTITIONS": str(self.partitions),
            "ALUR_REPLICATION": str(self.replication),
            "ALUR_LOG": self.log,
            "ALUR_WEB": "" if self.web is None else str(self.web),
            "ALUR_KEY_FILE": self.key_file or "",
        }

    @property
    def options(self) -> str:
        """Options before a command that give it the same broker, prefix and policy; defaults are left out."""
        own = {name: getattr(self, name) for name in ("broker", "prefix", "policy")}
        return "".join(f"--{name} {quote(value)} " for name, value in own.items() if value != getattr(Settings, name))

    def keys(self) -> Keys:
        """Read the installation's keys; without a key file, derive one that is not secret."""
        return Keys.from_file(self.key_file) if self.key_file else Keys.derived(self.prefix)

    def group(self, stage: str) -> str:
        """Return the consumer group of a stage in this environment."""
        return f"{self.prefix}{stage}"

    def transactional_id(self, stage: str, partition: int) -> str:
        """Return the transactional id of a stage and partition; starting a producer with it fences the last owner."""
        return f"{self.prefix}{stage}-{partition}"


def _count_up_to(highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and 0 < int(text) <= highest):
            raise ValueError(f"{text!r} is not a whole number from 1 to {highest}")
        return int(text)

    return parse


def _web_address(text: str) -> WebAddress:
    address = host_and_port(text)
    if address is None or address[1] > _HIGHEST_WEB_PORT:
        raise ValueError(f"{text!r} is not host:port with a port up to {_HIGHEST_WEB_PORT}, such as 127.0.0.1:6066")
    return WebAddress(*address)


def _log_format(text: str) -> LogFormat:
    if text not in _LOG_FORMATS:
        raise ValueError(f"{text!r} is none of {', '.join(_LOG_FORMATS)}")
    return cast("LogFormat", text)


_VARIABLES: Final[Variables] = {
    "policy": ("ALUR_POLICY", str),
    "partitions": ("ALUR_PARTITIONS", _count_up_to(_HIGHEST_PARTITIONS)),
    "replication": ("ALUR_REPLICATION", _count_up_to(_HIGHEST_REPLICATION)),
    "log": ("ALUR_LOG", _log_format),
    "web": ("ALUR_WEB", _web_address),
    "key_file": ("ALUR_KEY_FILE", str),
}
