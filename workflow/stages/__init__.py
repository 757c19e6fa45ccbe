"""The decision of each stage, as pure functions."""
