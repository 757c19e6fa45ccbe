"""The vocabulary of the complaint system: the messages on its topics, and their encoding.

Nothing here decides anything. Commands request, facts record, the snapshot is a complaint's current state; the codec
turns them into CloudEvents 1.0 and back.
"""
