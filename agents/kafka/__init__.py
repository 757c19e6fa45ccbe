"""Kafka clients of the stages, and what is read beside the batch loop."""
