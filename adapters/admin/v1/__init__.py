"""The API of the console: one file per resource."""
