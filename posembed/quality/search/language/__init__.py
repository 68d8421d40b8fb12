"""Search for the method of a language model: by its loss, compared with a sliding window."""
