"""Which libraries load and run an extended checkpoint, and whether they agree."""
