"""The vocabulary of the complaint system: what may be said on its topics, and how it is written down.

Nothing here decides anything. Commands ask, facts tell, the snapshot says where a complaint stands; the codec
turns them into CloudEvents 1.0 and back.
"""
