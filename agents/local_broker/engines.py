"""Detection of the engine that this machine can run a broker with."""

from collections.abc import Mapping

from agents.local_broker.container import Docker
from agents.local_broker.errors import NoEngine
from agents.local_broker.java import Java
from agents.local_broker.paths import BrokerPaths

Engine = Docker | Java


def choose_engine(env: Mapping[str, str]) -> Engine:
    """Return Docker if an engine answers, else Java with Maven; raise NoEngine without either."""
    engine = Docker.find(env) or Java.find(env, BrokerPaths.from_environment(env).cache)
    if engine is None:
        raise NoEngine(
            "no Kafka broker can be run here: install Java 17 or newer and Maven (on Debian: apt-get install "
            "default-jre-headless maven), or start a Docker engine, or set ALUR_BROKER to a broker that runs elsewhere"
        )
    return engine
