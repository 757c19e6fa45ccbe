"""Connection check: finds out why a broker refuses this client, in one line.

Kafka's clients retry until their timeout, and then report only that no broker answers. This check takes the same steps
once: connect, TLS, SASL mechanism, password. It has its own socket, since kafka-python 3.0.12 drops a response that it
reads together with the end of the connection (`KafkaTCPTransport._read_from_sock`), such as for a wrong password.
"""

import socket
import ssl
import struct
from contextlib import closing
from typing import Any, Final

from kafka.errors import KafkaError
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from events.client.security import Security

_UNSUPPORTED_MECHANISM: Final = 33
_NO_SASL_HERE: Final = 34
_NONE: Final = "NONE"  # a mechanism that no broker supports
_LARGEST_ANSWER: Final = 1_048_576  # bytes
_CHUNK: Final = 4096  # bytes
_SPEAKS_TLS: Final = "it uses TLS at this port: set ALUR_SECURITY=tls or sasl-tls"
_UNANSWERED: Final = (KafkaError, OSError, struct.error)
"""The connection was closed, the response timed out, or is not Kafka's protocol."""


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._protocol = KafkaProtocol(client_id="alur-check", receive_message_max_bytes=_LARGEST_ANSWER)

    def ask(self, request: Any) -> Any:  # noqa: ANN401 -- no types
        """Return the answer to `request`; raise one of `_UNANSWERED` if there is none."""
        self._protocol.send_request(request)
        self._socket.sendall(self._protocol.send_bytes())
        while received := self._socket.recv(_CHUNK):
            for _, answer in self._protocol.receive_bytes(received):
                return answer
        raise ConnectionResetError("the broker ended the connection")


def refusal_of(address: str, security: Security, timeout: float) -> str | None:
    """Return why the broker refuses this client, if known; else None. Raises OSError if no broker listens."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with closing(socket.create_connection((host, int(port)), timeout)) as raw:
        if security.tls and (refusal := _tls_refusal(raw, host, security)):
            return refusal
    try:
        with closing(_connect(host, int(port), security, timeout)) as connected:
            return _user_refusal(_Connection(connected), security)
    except _UNANSWERED:
        return _hung_up(security) if security.tls else _tls_wanted(host, int(port), timeout)


def _connect(host: str, port: int, security: Security, timeout: float) -> socket.socket:
    raw = socket.create_connection((host, port), timeout)
    try:
        return security.tls_context().wrap_socket(raw, server_hostname=host) if security.tls else raw
    except OSError:
        raw.close()
        raise


def _user_refusal(broker: _Connection, security: Security) -> str | None:
    mechanism = security.mechanism if security.sasl else _NONE
    answer = broker.ask(SaslHandshakeRequest(mechanism=mechanism, version=1))
    if refusal := _mechanism_refusal(security, answer.error_code, ", ".join(answer.mechanisms)):
        return refusal
    return _password_refusal(broker, security) if security.sasl and answer.error_code == 0 else None


def _mechanism_refusal(security: Security, code: int, offered: str) -> str | None:
    if code == _UNSUPPORTED_MECHANISM and not security.sasl:
        return f"it asks who we are ({offered}): set ALUR_SECURITY={'sasl-tls' if security.tls else 'sasl'}"
    if code == _UNSUPPORTED_MECHANISM:
        return f"it does not take ALUR_SASL_MECHANISM={security.mechanism}, but {offered or 'none at all'}"
    if code == _NO_SASL_HERE and security.sasl:
        return f"it takes no users at this port: set ALUR_SECURITY={'tls' if security.tls else 'plaintext'}"
    return None


def _password_refusal(broker: _Connection, security: Security) -> str | None:
    exchange = get_sasl_mechanism(security.mechanism)(**security.client_options())
    while not exchange.is_done():
        try:
            answer = broker.ask(SaslAuthenticateRequest(auth_bytes=exchange.auth_bytes(), version=0))
        except _UNANSWERED:
            return None
        if answer.error_code:
            variables = "ALUR_SASL_USERNAME, ALUR_SASL_PASSWORD"
            return f"it refuses the user {security.username!r} with this password ({variables})"
        try:
            exchange.receive(answer.auth_bytes)
        except Exception:  # noqa: BLE001 -- the library checks the broker's proof
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
        return f"it does not use TLS at this port: {other}"
    return None


def _hung_up(security: Security) -> str:
    wanted = "" if security.cert else ": it may ask for a certificate of ours (ALUR_TLS_CERT, ALUR_TLS_KEY)"
    return f"it ended the connection after the TLS handshake{wanted}"


def _tls_wanted(host: str, port: int, timeout: float) -> str | None:
    """Check whether a port that does not answer unencrypted requests uses TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with closing(socket.create_connection((host, port), timeout)) as raw:
            context.wrap_socket(raw).close()
    except OSError as error:
        return _SPEAKS_TLS if "alert" in (getattr(error, "reason", None) or "").lower() else None
    return _SPEAKS_TLS
