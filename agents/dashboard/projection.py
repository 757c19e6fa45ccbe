"""Read model of complaints and open dead letters, folded from their topics, for the dashboard and `alur watch`."""

from agents.config.settings import Settings
from agents.dashboard.complaint_row import read_row
from agents.dashboard.read_model import ReadModel
from agents.ops.dead_letters.open_letters import OpenDeadLetters
from events.client import Record, read_all, require_topics
from events.codec.decode import complaint_key
from events.errors import Undecodable
from events.topics import TopicName


def read_model_now(settings: Settings) -> ReadModel:
    """Return the read model of complaints.state up to its present end. Raises `KafkaFailure`."""
    require_topics(settings, [TopicName.STATE])
    projection = Projection()
    for record in read_all(settings, [TopicName.STATE]):
        projection.apply(record)
    return projection.read_model


class Projection:
    """Read model and open dead letters; records may be applied in any order of their partitions."""

    def __init__(self) -> None:
        self.read_model = ReadModel()
        self.letters = OpenDeadLetters()
        self.unreadable = 0
        """Records of complaints.state that cannot be decoded."""

    def apply(self, record: Record) -> None:
        """Apply a record of complaints.state or complaints.dead-letters."""
        if record.topic is TopicName.DEAD_LETTERS:
            self.letters.add(record)
            return
        try:
            key = complaint_key(record.key)
        except Undecodable:
            return  # announced holidays
        if record.value is None:
            self.read_model.forget(key)
            return
        try:
            self.read_model.put(key, read_row(record.value))
        except Undecodable:
            self.unreadable += 1
