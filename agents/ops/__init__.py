"""Operation of an installation: topics, rights, audit, repair."""
