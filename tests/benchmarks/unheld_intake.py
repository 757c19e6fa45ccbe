"""Intake without backpressure: it writes commands as fast as it can."""

from dataclasses import replace

import faust

from agents import intake

intake.app.stage_consumer.stage = replace(intake.app.stage_consumer.stage, backpressure=None)

if __name__ == "__main__":
    faust.Worker(intake.app, loglevel="ERROR").execute_from_commandline()
