"""Where the broker of this machine keeps its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BrokerPaths:
    """`cache` can be fetched again at any time; `state` holds the broker's data, its log and its record."""

    cache: Path
    state: Path

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "BrokerPaths":
        """Return both below `ALUR_HOME` if that is set, else where the XDG base directories say."""
        if home := env.get("ALUR_HOME"):
            return cls(cache=Path(home, "cache"), state=Path(home, "broker"))
        user = Path(env.get("HOME") or Path.home())
        cache = Path(env.get("XDG_CACHE_HOME") or user / ".cache")
        state = Path(env.get("XDG_STATE_HOME") or user / ".local" / "state")
        return cls(cache=cache / "alur", state=state / "alur" / "broker")
