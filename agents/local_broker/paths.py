"""Directories of the local broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BrokerPaths:
    """Directories: `cache` can be downloaded again at any time; `state` has the broker's data, log and record."""

    cache: Path
    state: Path

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "BrokerPaths":
        """Return both directories below `ALUR_HOME` if set, else below the XDG base directories."""
        if home := env.get("ALUR_HOME"):
            return cls(cache=Path(home, "cache"), state=Path(home, "broker"))
        user = Path(env.get("HOME") or Path.home())
        cache = Path(env.get("XDG_CACHE_HOME") or user / ".cache")
        state = Path(env.get("XDG_STATE_HOME") or user / ".local" / "state")
        return cls(cache=cache / "alur", state=state / "alur" / "broker")
