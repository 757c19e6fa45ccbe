"""A real Apache Kafka on this machine, in a container or as a Java process."""

from agents.local_broker.ephemeral import running_broker
from agents.local_broker.errors import BrokerError
from agents.local_broker.service import DEFAULT_PORT, Broker, Started, start, status, stop

__all__ = ["DEFAULT_PORT", "Broker", "BrokerError", "Started", "running_broker", "start", "status", "stop"]
