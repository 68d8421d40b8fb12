"""Options and results of every command: frozen dataclasses, one file per command, free of torch."""
