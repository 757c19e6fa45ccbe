"""HTTP: health checks, metrics, connection limits, and templates of pages."""
