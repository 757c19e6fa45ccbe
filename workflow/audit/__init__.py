"""Invariants over the history of complaints."""
