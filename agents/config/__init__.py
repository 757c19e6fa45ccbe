"""Settings, policy files and installation keys."""
