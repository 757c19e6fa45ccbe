"""Connection check: why a broker refuses this client, in one line.

Kafka's clients retry until their time is over, and then report only that no broker answers. This makes the same steps
once: connect, TLS, the user's mechanism and password.
"""

import socket
import ssl
from contextlib import closing
from typing import Any, Final

from kafka.errors import KafkaError, SaslAuthenticationFailedError
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.sasl import SaslHandshakeRequest

from events.client.security import Security

_UNSUPPORTED_MECHANISM: Final = 33
_NO_SASL_HERE: Final = 34
_NONE: Final = "NONE"  # a mechanism that no broker has
_SPEAKS_TLS: Final = "it speaks TLS at this port: set ALUR_SECURITY=tls or sasl-tls"


def refusal_of(address: str, security: Security, timeout: float) -> str | None:
    """Return why the broker at `address` refuses this client; None if it does not, or the reason stays unknown.

    Raises:
        OSError: no process listens there.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with closing(socket.create_connection((host, int(port)), timeout)) as raw:
        if security.tls and (refusal := _tls_refusal(raw, host, security)):
            return refusal
    options = security.client_options()
    unauthenticated = options | {"security_protocol": "SSL" if security.tls else "PLAINTEXT"}
    try:
        answer = _ask(address, unauthenticated, security.mechanism if security.sasl else _NONE, timeout)
    except (KafkaError, OSError):
        return _hung_up(security) if security.tls else _tls_wanted(host, int(port), timeout)
    if refusal := _mechanism_refusal(security, answer.error_code, ", ".join(answer.mechanisms)):
        return refusal
    return _password_refusal(address, security, timeout) if security.sasl and answer.error_code == 0 else None


def _ask(address: str, options: dict[str, Any], mechanism: str | None, timeout: float) -> Any:  # noqa: ANN401 -- no types
    """Connect once, and return the answer to a SASL handshake for `mechanism`, if that is given."""
    network = NetworkSelector()
    manager = KafkaConnectionManager(
        network, bootstrap_servers=[address], request_timeout_ms=int(timeout * 1000), **options
    )

    async def attempt() -> Any:  # noqa: ANN401 -- as above
        [broker] = manager.cluster.bootstrap_brokers()
        connection = manager.get_connection(broker.node_id, timeout_ms=timeout * 1000, refresh_metadata_on_err=False)
        await connection
        if mechanism is not None:
            return await connection.send_request(SaslHandshakeRequest(mechanism=mechanism, max_version=1))
        return None

    try:
        return network.run(attempt)
    finally:
        manager.close()
        network.close()


def _mechanism_refusal(security: Security, code: int, offered: str) -> str | None:
    if code == _UNSUPPORTED_MECHANISM and not security.sasl:
        return f"it asks who we are ({offered}): set ALUR_SECURITY={'sasl-tls' if security.tls else 'sasl'}"
    if code == _UNSUPPORTED_MECHANISM:
        return f"it does not take ALUR_SASL_MECHANISM={security.mechanism}, but {offered or 'none at all'}"
    if code == _NO_SASL_HERE and security.sasl:
        return f"it takes no users at this port: set ALUR_SECURITY={'tls' if security.tls else 'plaintext'}"
    return None


def _password_refusal(address: str, security: Security, timeout: float) -> str | None:
    try:
        _ask(address, security.client_options(), None, timeout)
    except SaslAuthenticationFailedError:
        variables = "ALUR_SASL_USERNAME, ALUR_SASL_PASSWORD"
        return f"it does not know the user {security.username!r} with this password ({variables})"
    except (KafkaError, OSError):
        return None
    except Exception:  # noqa: BLE001 -- the library's own checks of the broker's proof
        return f"it does not prove that it has the password of {security.username!r}"
    return None


def _tls_refusal(raw: socket.socket, host: str, security: Security) -> str | None:
    other = f"take another, or set ALUR_SECURITY={'sasl' if security.sasl else 'plaintext'}"
    try:
        security.tls_context().wrap_socket(raw, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message.rstrip(".")
        return f"its certificate is not trusted: {reason} (ALUR_TLS_CA names who may vouch for it)"
    except OSError as error:
        reason = (getattr(error, "reason", None) or "").lower().replace("_", " ")
        if "alert" in reason:
            return f"it broke off the TLS handshake: {reason}"
        return f"it does not speak TLS at this port: {other}"
    return None


def _hung_up(security: Security) -> str:
    wanted = "" if security.cert else ": it may ask for a certificate of ours (ALUR_TLS_CERT, ALUR_TLS_KEY)"
    return f"it ended the connection after the TLS handshake{wanted}"


def _tls_wanted(host: str, port: int, timeout: float) -> str | None:
    """Check whether a port that does not answer in the clear speaks TLS; nothing is sent then."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with closing(socket.create_connection((host, port), timeout)) as raw:
            context.wrap_socket(raw).close()
    except OSError as error:
        return _SPEAKS_TLS if "alert" in (getattr(error, "reason", None) or "").lower() else None
    return _SPEAKS_TLS
