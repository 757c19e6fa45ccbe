"""Failpoints: named positions in the code at which a test makes a stage crash.

    ALUR_FAILPOINT=lifecycle:after-produce:2 alur run lifecycle

The process kills itself with SIGKILL when it reaches that point for the second time; with `:raise` at the end it raises
`Failed` instead. In other stages, and without the variable, `reach` does nothing.
"""

import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from events.errors import AlurError

VARIABLE: Final = "ALUR_FAILPOINT"

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

POINTS: Final[dict[str, str]] = {
    "before-fence": "a partition was assigned, nothing has been done about it",
    "after-fence": "the previous owner of the partition is fenced",
    "after-memory": "the memory has been read back",
    "after-start": "the first offset of the partition is committed, where nothing was",
    "after-position": "it is known where to begin: the partition is taken over",
    "before-poll": "about to ask for records",
    "after-poll": "records were found and are about to be handed to the agent",
    "before-decide": "the agent has the records of a partition",
    "before-dead-letter": "a record cannot be handled",
    "after-dead-letter": "its dead letter is made, not yet written",
    "after-decide": "what follows is known, and remembered by the handler",
    "before-produce": "the transaction has begun, if there is one",
    "amid-produce": "the outputs are with the client, on their way",
    "after-produce": "the broker has acknowledged the outputs",
    "after-offsets": "the offset is in the transaction, the outputs perhaps not yet; only in stages with transactions",
    "after-refusal": "the broker has refused an output, and its producer has been replaced",
    "after-commit": "committed; without transactions: the offset is noted, and will be sent",
}
"""Failpoints, and where each is. The point after one step is also the point before the next."""

_ACTIONS: Final = ("kill", "raise")


class Failed(Exception):
    """The failpoint was reached."""


class InvalidFailpoint(AlurError):
    """The failpoint is invalid; the message shows the syntax."""


def _nothing(point: str) -> None:
    """Do nothing, since no failpoint is set."""


reach: Callable[[str], None] = _nothing
"""Reach a failpoint."""


def step(
    name: str,
) -> Callable[[Callable[Parameters, Awaitable[Result]]], Callable[Parameters, Coroutine[None, None, Result]]]:
    """Decorate a step of the batch protocol with the failpoints before and after it."""

    def decorate(
        function: Callable[Parameters, Awaitable[Result]],
    ) -> Callable[Parameters, Coroutine[None, None, Result]]:
        @wraps(function)
        async def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            reach(f"before-{name}")
            result = await function(*args, **kwargs)
            reach(f"after-{name}")
            return result

        return run

    return decorate


def arm(stage: str, env: Mapping[str, str]) -> None:
    """Set the failpoint of `stage` from `env`, if there is one. Raises InvalidFailpoint: name or syntax is wrong."""
    global reach  # noqa: PLW0603 -- a process has one stage
    reach = _armed(stage, env[VARIABLE]) if env.get(VARIABLE) else _nothing


def _armed(stage: str, setting: str) -> Callable[[str], None]:
    wanted, point, nth, action = (*setting.split(":"), "kill")[:4] if setting.count(":") in {2, 3} else ("", "", "", "")
    if point not in POINTS or action not in _ACTIONS or not (nth.isdecimal() and int(nth) > 0):
        raise InvalidFailpoint(f"{VARIABLE}={setting}: write stage:point:nth or stage:point:nth:raise")
    if wanted != stage:
        return _nothing
    left = int(nth)

    def reached(here: str) -> None:
        nonlocal left
        if here != point:
            return
        left -= 1
        if left == 0:
            _fail(point, action)

    return reached


def _fail(point: str, action: str) -> None:
    if action == "raise":
        raise Failed(point)
    os.kill(os.getpid(), signal.SIGKILL)
