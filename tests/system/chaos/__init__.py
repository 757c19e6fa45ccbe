"""Faults under load, and the audit afterwards."""
