"""The admin API and the console: everything an operator does over HTTP, apart from the hot path."""
