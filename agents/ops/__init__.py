"""Operations on an installation: topics, rights, audit, repair."""
