"""Policies as data: rules, offices, announced days off, and the packaged TOML files."""
