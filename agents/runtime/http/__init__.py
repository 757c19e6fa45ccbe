"""HTTP port of a stage: health checks and metrics."""
