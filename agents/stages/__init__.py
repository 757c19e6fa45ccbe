"""Handlers of the seven stages and the state they keep."""
