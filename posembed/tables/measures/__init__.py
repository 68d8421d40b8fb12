"""What a position table looks like: norms, similarity, spectrum, sinusoids and probes, each in a file of its own."""
