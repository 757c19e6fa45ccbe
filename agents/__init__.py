"""The shell: one Faust app per stage, and everything that touches Kafka, clocks, files and terminals."""
