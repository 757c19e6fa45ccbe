"""Fixtures of the tests on real parts."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import NoServer, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL that the tests of a module share."""
    try:
        with running_postgres() as url:
            yield url
    except NoServer as missing:
        pytest.skip(str(missing))
