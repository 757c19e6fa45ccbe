"""What a file of rejects adds to the entries that it holds, so that it can be mended and submitted as it is."""

from typing import Final

REASON: Final = "alurreason"
"""The member of a JSON object, and the name of a column: why the entry was refused."""
LINE: Final = "alurline"
"""The name of a column: where the entry was in its file."""
SOURCE: Final = "alursource"
"""The name of a column, and the member of a service request: the channel that its id is of."""
ADDED: Final = frozenset({REASON, LINE, SOURCE})
