"""The caller's side of the wire: plain HTTP/1.1 is served here, everything else by hypercorn (decision 0013)."""
