"""Kafka passes the tests that the in-memory log passes."""

import pytest

from agents.config.settings import Settings
from agents.ops.topics import ensure_topics
from tests.support.log_contract import LogContract


@pytest.fixture
def log(settings: Settings) -> Settings:
    ensure_topics(settings)
    return settings


class TestKafka(LogContract):
    pass
