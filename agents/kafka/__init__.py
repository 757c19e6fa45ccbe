"""Kafka clients of the stages, and readers outside of the batch loop."""
