"""Dead letters: read, count, replay, discard."""
