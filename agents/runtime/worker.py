"""Worker: the stage, settings and Kafka clients that its partitions share."""

from dataclasses import dataclass, field

from agents.config.keys import Keys
from agents.config.settings import Settings
from agents.kafka.deferred_commits import DeferredCommits
from agents.kafka.protocols import KafkaConsumer
from agents.observability.metrics import Metrics
from agents.observability.trace_context import PASS_THROUGH, Tracing
from agents.runtime.installation import Installation
from agents.runtime.output_writer import OutputWriter
from agents.runtime.stage import Partition, Stage
from events.installation import FIRST_POSITIONS
from workflow.policy.model import PolicySet


@dataclass(frozen=True, slots=True)
class Worker:
    """A connected worker of a stage."""

    stage: Stage
    settings: Settings
    consumer: KafkaConsumer
    writer: OutputWriter
    """Writes without transactions: outputs of non-transactional stages, and dead letters of a restore."""
    commits: DeferredCommits
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = PASS_THROUGH
    installation: Installation | None = None

    def partition(self, number: int, count: int, policies: PolicySet, keys: Keys) -> Partition:
        """Return partition `number` of `count` for a handler, with its entries in the installation record."""
        if self.installation is None:
            return Partition(number, count, policies, self.metrics, keys)
        positions = self.installation.values.get(FIRST_POSITIONS, {})
        since, apart = self.installation.writer_since(number), self.installation.texts_apart
        return Partition(number, count, policies, self.metrics, keys, since, positions, apart)

    @property
    def group(self) -> str:
        """The consumer group of the stage."""
        return self.settings.group(self.stage.name)
