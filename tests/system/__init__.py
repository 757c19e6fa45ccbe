"""Whole stages under chaos, hostile records and overload; the protocol as a model."""
