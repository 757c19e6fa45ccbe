"""What the partitions of a worker share: stage, settings and Kafka clients."""

from dataclasses import dataclass, field

from agents.config.settings import Settings
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.protocols import KafkaConsumer
from agents.observability.metrics import Metrics
from agents.observability.tracing import PASS_THROUGH, Tracing
from agents.runtime.installation import Installation
from agents.runtime.output_writer import OutputWriter
from agents.runtime.stage import Stage


@dataclass(frozen=True, slots=True)
class Worker:
    """A connected worker of a stage."""

    stage: Stage
    settings: Settings
    consumer: KafkaConsumer
    writer: OutputWriter
    """Writes without a transaction: all outputs of a stage without them, and dead letters of a restore."""
    commits: DeferredCommits
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = PASS_THROUGH
    installation: Installation | None = None

    @property
    def group(self) -> str:
        """The consumer group of the stage."""
        return self.settings.group(self.stage.name)
