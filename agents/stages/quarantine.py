"""Quarantine of complaints whose last record is foreign or unreadable.

Commands about them are not decided, since their restored state may be outdated. They become dead letters until
`alur state repair` has rewritten their state.
"""

from collections.abc import Callable, Iterator
from uuid import UUID

from events.errors import Undecodable
from events.ids import digest


class Quarantine:
    """The quarantined complaints of one partition, by the 16 bytes of their ids."""

    def __init__(self) -> None:
        self._refused: dict[bytes, set[str]] = {}

    def __len__(self) -> int:
        return len(self._refused)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._refused)

    def __contains__(self, id_bytes: bytes) -> bool:
        return id_bytes in self._refused

    def add(self, id_bytes: bytes) -> None:
        """Quarantine a complaint."""
        self._refused.setdefault(id_bytes, set())

    def lift(self, id_bytes: bytes) -> None:
        """Release a complaint from quarantine: its last record is the engine's own."""
        self._refused.pop(id_bytes, None)

    def refuse(
        self, id_bytes: bytes, source: str, command_id: str, at_commit: Callable[[Callable[[], None]], None]
    ) -> None:
        """Drop a command about a quarantined complaint; raise Undecodable, for a dead letter, only the first time."""
        refused, mark = self._refused[id_bytes], digest(source, command_id)
        if mark in refused:
            return
        at_commit(lambda: refused.add(mark))
        complaint = UUID(bytes=id_bytes)
        raise Undecodable(
            "quarantined",
            f"complaint {complaint} is quarantined, since its last record in complaints.state is foreign or cannot be "
            f"read: run `alur state repair {complaint}`, then replay this letter",
        )
