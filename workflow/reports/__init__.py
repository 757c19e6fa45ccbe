"""Explanations and reports for people."""
