"""Importers: what other proxies keep, read as they lay it out, and what of it Pollux takes over."""
