"""Handlers of the seven stages, with their state."""
