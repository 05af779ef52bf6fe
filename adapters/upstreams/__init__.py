"""Google surfaces: URLs, headers, envelopes and error bodies."""
