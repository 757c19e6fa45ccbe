"""The web port of a stage: health checks and metrics."""
