"""Test kit: the engine on an in-memory log, and replay (docs/how-to/test-your-integration.md)."""

from agents.testing.engine import MONDAY, Engine
from agents.testing.in_memory_log import Log, NotInMemory
from agents.testing.replay import HISTORY, Divergence, Replay, replay

__all__ = ["HISTORY", "MONDAY", "Divergence", "Engine", "Log", "NotInMemory", "Replay", "replay"]
