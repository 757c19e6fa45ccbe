"""The pure core: states, decisions, rules, clocks and policy.

Nothing here reads a clock, a file or the environment, draws a random number or logs. Time and identities come in as
arguments or from the record being processed, so that a replay of the log reaches the same decisions.
"""
