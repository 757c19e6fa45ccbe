"""Knocks at a broker's door by hand, to say in one line what is wrong with the key.

Kafka's clients try again and again until their time is over, and then only know that nobody answered. This goes through
the same steps once: connect, TLS, the user's mechanism and password. It takes two or three round trips.
"""

import socket
import ssl
import struct
from contextlib import closing
from typing import Any, Final

from kafka.net.sasl import get_sasl_mechanism

from events.client.security import Security

_HANDSHAKE: Final = 17
_AUTHENTICATE: Final = 36
_UNSUPPORTED_MECHANISM: Final = 33
_NO_SASL_HERE: Final = 34
_CLIENT: Final = b"alur-knock"
_NONE: Final = "NONE"  # a mechanism that no broker has
_LARGEST_ANSWER: Final = 1_048_576
_TURNS: Final = 4  # SCRAM takes two


class _Refused(Exception):
    """The broker lets us not in; the message says why."""


def knock(address: str, security: Security, timeout: float) -> str | None:
    """Return why the broker at `address` does not let us in, or None if it does, or if that remains open.

    Raises:
        OSError: nothing listens there.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with closing(socket.create_connection((host, int(port)), timeout)) as raw:
        try:
            with closing(_encrypted(raw, host, security)) as door:
                _enter(door, security)
        except _Refused as refused:
            return str(refused)
        except (OSError, struct.error):
            return _wants_tls(host, int(port), timeout) if not security.tls else _hung_up(security)
    return None


def _encrypted(raw: socket.socket, host: str, security: Security) -> socket.socket:
    if not security.tls:
        return raw
    try:
        return security.tls_context().wrap_socket(raw, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message.rstrip(".")
        raise _Refused(f"its certificate is not trusted: {said} (ALUR_TLS_CA names who may vouch for it)") from None
    except ssl.SSLError as error:
        said = (error.reason or "").lower().replace("_", " ")
        if "alert" in said:
            raise _Refused(f"it broke off the TLS handshake: {said}") from None
        raise _Refused(_no_tls(security)) from None
    except OSError:
        raise _Refused(_no_tls(security)) from None


def _no_tls(security: Security) -> str:
    other = "sasl" if security.sasl else "plaintext"
    return f"it does not speak TLS at this port: take another, or set ALUR_SECURITY={other}"


def _hung_up(security: Security) -> str | None:
    wanted = "" if security.cert else ": it may ask for a certificate of ours (ALUR_TLS_CERT, ALUR_TLS_KEY)"
    return f"it ended the connection after the TLS handshake{wanted}"


def _wants_tls(host: str, port: int, timeout: float) -> str | None:
    """Look whether who did not answer in the clear answers in TLS; nothing is sent to it then."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with closing(socket.create_connection((host, port), timeout)) as raw:
            context.wrap_socket(raw).close()
    except ssl.SSLError as error:
        return _SPEAKS_TLS if "alert" in (error.reason or "").lower() else None
    except OSError:
        return None
    return _SPEAKS_TLS


_SPEAKS_TLS: Final = "it speaks TLS at this port: set ALUR_SECURITY=tls or sasl-tls"


def _enter(door: socket.socket, security: Security) -> None:
    mechanism = security.mechanism if security.sasl else _NONE
    name = mechanism.encode()
    answer = _ask(door, _HANDSHAKE, 1, struct.pack(">h", len(name)) + name)
    (code,) = struct.unpack_from(">h", answer)
    offered = ", ".join(_strings(answer[2:]))
    if not security.sasl:
        if code == _UNSUPPORTED_MECHANISM:
            raise _Refused(
                f"it asks who we are ({offered}): set ALUR_SECURITY={'sasl-tls' if security.tls else 'sasl'}"
            )
        return
    if code == _UNSUPPORTED_MECHANISM:
        raise _Refused(f"it does not take ALUR_SASL_MECHANISM={mechanism}, but {offered or 'none at all'}")
    if code == _NO_SASL_HERE:
        raise _Refused(f"it takes no users at this port: set ALUR_SECURITY={'tls' if security.tls else 'plaintext'}")
    if code == 0:
        _authenticate(door, security)


def _authenticate(door: socket.socket, security: Security) -> None:
    options = security.client_options()
    exchange: Any = get_sasl_mechanism(security.mechanism)(**options)
    for _ in range(_TURNS):
        if exchange.is_done():
            return
        token = exchange.auth_bytes()
        answer = _ask(door, _AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        (code,) = struct.unpack_from(">h", answer)
        if code:
            raise _Refused(
                f"it does not know the user {security.username!r} with this password (ALUR_SASL_USERNAME, "
                "ALUR_SASL_PASSWORD)"
            )
        (said,) = struct.unpack_from(">h", answer, 2)
        try:
            exchange.receive(answer[8 + max(said, 0) :])
        except Exception:  # noqa: BLE001 -- whatever the library makes of a broker that proves nothing
            raise _Refused(f"it does not prove that it knows the password of {security.username!r}") from None


def _ask(door: socket.socket, api: int, version: int, body: bytes) -> bytes:
    request = struct.pack(">hhih", api, version, 1, len(_CLIENT)) + _CLIENT + body
    door.sendall(struct.pack(">i", len(request)) + request)
    size, _ = struct.unpack(">ii", _read(door, 8))
    if size > _LARGEST_ANSWER:
        raise OSError("this is not Kafka's protocol")
    return _read(door, size - 4)


def _read(door: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = door.recv(size - len(found))
        if not more:
            raise OSError("the connection was ended")
        found += more
    return found


def _strings(raw: bytes) -> list[str]:
    (count,) = struct.unpack_from(">i", raw)
    found, place = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from(">h", raw, place)
        found.append(raw[place + 2 : place + 2 + length].decode(errors="replace"))
        place += 2 + length
    return found
