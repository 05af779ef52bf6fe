"""Client protocols: what callers speak, to and from the hub form."""
