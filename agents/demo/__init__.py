"""The demonstration: a broker, all stages, citizens and officers for about a minute, and a reconciliation."""
