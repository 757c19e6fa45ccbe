"""The vocabulary of the complaint system: the messages on its topics, and their encoding.

Commands request, facts record, the snapshot is a complaint's current state; the codec encodes them as CloudEvents 1.0.
"""
