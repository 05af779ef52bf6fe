"""A simulated Google for tests, benchmarks, `pollux simulate` and `pollux demo`."""

from __future__ import annotations

from adapters.simulator.scenario import Account, Chunking, Fault, Scenario
from adapters.simulator.server import Simulator, serve

__all__ = ["Account", "Chunking", "Fault", "Scenario", "Simulator", "serve"]
