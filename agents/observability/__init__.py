"""Logs, metrics and traces of a stage."""
