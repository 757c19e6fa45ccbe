"""Connection check against a listener that answers as a broker does."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from events.client.connection_check import refusal_of
from events.client.security import Secret, Security

USER = Security("sasl", "PLAIN", "sms", Secret("keliru"))
ACCEPTED = struct.pack(">hih5s", 0, 1, 5, b"PLAIN")
REFUSED = struct.pack(">hhi", 58, -1, 0)


@contextmanager
def listener(*answers: bytes) -> Iterator[str]:
    """Return the address of a broker that sends `answers` to one connection, and closes it with the last."""

    def serve() -> None:
        server.accept()[0].close()  # the check of the port itself
        connection, _ = server.accept()
        with connection:
            for answer in answers:
                request = connection.recv(4096)
                connection.sendall(struct.pack(">i", len(answer) + 4) + request[8:12] + answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_a_refusal_that_comes_with_the_end_of_the_connection_is_read() -> None:
    with listener(ACCEPTED, REFUSED) as address:
        assert (refusal_of(address, USER, 5) or "").startswith("it refuses the user 'sms' with this password")


def test_an_end_without_an_answer_to_the_password_is_no_refusal_of_it() -> None:
    with listener(ACCEPTED) as address:
        assert refusal_of(address, USER, 5) is None
