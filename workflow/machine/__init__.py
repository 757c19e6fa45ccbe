"""The state machine of a complaint: commands in, facts out."""
