"""Everything a stage does with Kafka: poll, decode, skip what is done, decide, emit, or park.

A stage brings a `Stage` description with a handler; the rest is here, once.
"""

from agents.kafka.records import Output
from agents.runtime.app import stage_app
from agents.runtime.stage import Handler, Partition, Stage

__all__ = ["Handler", "Output", "Partition", "Stage", "stage_app"]
