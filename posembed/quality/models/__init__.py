"""Load a checkpoint as something that can be evaluated and trained."""
