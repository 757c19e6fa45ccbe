"""Runtime of a stage: acquire partitions, restore state, decide, write, commit.

`agents.runtime.app` builds the Faust app of a `Stage` (`agents.runtime.stage`), which names the handler.
"""
