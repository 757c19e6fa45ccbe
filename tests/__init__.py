"""Tests of alur."""
