"""What a request is and how it moves: the core, free of any server, vendor or store."""
