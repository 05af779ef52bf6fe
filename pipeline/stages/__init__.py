"""The built-in stages, one per file, named as in proxy.toml."""
