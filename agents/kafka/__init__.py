"""Kafka clients of the stages, and readers beside the batch loop."""
