"""The outside world, one party per file: the ASGI edge, dialects, upstreams, transport, metrics, logs."""
