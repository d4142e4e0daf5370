"""A seeded synthetic shop and magazine at any size: demo workspace, benchmarks, statistical tests."""

from persmark.simulate.events_csv import write_events_csv
from persmark.simulate.shop import Simulation, simulate

__all__ = ["Simulation", "simulate", "write_events_csv"]
