"""Faults under load, and what is true afterwards."""
