"""Time limits: durations, working days, office hours, due times, clock rules, and the schedule of checks."""
