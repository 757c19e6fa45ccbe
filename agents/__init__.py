"""Imperative shell: one Faust app per stage, and everything that uses Kafka, clocks, files or terminals."""
