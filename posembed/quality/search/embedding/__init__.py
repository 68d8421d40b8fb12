"""Search for the method of an embedding model: by real retrieval tasks, compared with what needs no longer table."""
