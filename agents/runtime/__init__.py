"""Runtime of a stage: acquire partitions, restore state, decide, write, commit.

A stage brings a `Stage` (`agents.runtime.stage`) with a handler; `agents.runtime.app` builds its Faust app.
"""
