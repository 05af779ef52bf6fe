"""Where credentials, keys, usage and cooldowns rest; one backend per file."""
