"""The method study: every method by length, on language models that are trained here and on a real embedding model."""
