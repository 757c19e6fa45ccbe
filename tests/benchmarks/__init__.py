"""What the engine carries, as figures."""
