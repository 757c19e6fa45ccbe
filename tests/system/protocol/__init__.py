"""The protocol of a partition as a model, and its search."""
