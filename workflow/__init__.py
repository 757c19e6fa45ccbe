"""The pure core: states, decisions, rules, clocks and policy.

Without clock, files, environment, random numbers and logs: time and ids are arguments, so that a replay of the log
reaches the same decisions.
"""
