"""Everything a stage does with Kafka: read batches, restore, decide, write, commit, or park.

A stage brings a `Stage` (`agents.runtime.stage`) with a handler; `agents.runtime.app` builds its Faust app.
"""
