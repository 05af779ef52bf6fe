"""The commands of `pollux`, one per file, imported when they are asked for."""
