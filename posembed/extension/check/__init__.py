"""Check that a written copy loads and runs, in a process of its own: by the library that reads it, not byte by byte."""
