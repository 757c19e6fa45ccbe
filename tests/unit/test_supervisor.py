"""What a supervisor tells the stages it starts."""

import pytest

from agents.settings import Settings, WebAddress
from agents.supervisor import environment_of


@pytest.mark.parametrize("place", [0, 6])
def test_each_stage_gets_a_web_port_of_its_own(place: int) -> None:
    given = Settings(web=WebAddress("127.0.0.1", 6066))

    assert Settings.from_environment(environment_of(given, place)).web == WebAddress("127.0.0.1", 6066 + place)


def test_no_web_port_is_none_for_each() -> None:
    assert Settings.from_environment(environment_of(Settings(), 3)).web is None
