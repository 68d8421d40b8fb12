"""Reports for the terminal, one file per command."""
