"""Clocks, working days and due times."""
