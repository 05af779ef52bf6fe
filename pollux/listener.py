"""The listening socket, which the parent opens and its workers share."""

from __future__ import annotations

import socket

BACKLOG = 1024
"""Connections that wait to be accepted: with hypercorn's own 100 a burst of callers meets resets."""


def address(bind: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `[host]:port`."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket; IPv6 when the host is one, in brackets or not. Errors: OSError.

    Shape: a `shared` one only holds the address, for servers that bind to it again.
    """
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    if not shared:
        listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener
