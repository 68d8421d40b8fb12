"""The lesson and its eight questions; every number in them is computed by the library."""
