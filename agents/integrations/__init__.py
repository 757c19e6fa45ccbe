"""Files of others' making as reports of the contract, and complaints as files that others can read."""
