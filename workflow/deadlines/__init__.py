"""Clocks, working days and due dates."""
