"""The program: reads settings, wires pipeline, adapters and stores together, and is the command line."""

__version__ = "0.1.0"
"""The one place where the version stands; packaging reads it here."""
