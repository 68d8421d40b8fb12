"""What the architectures of the installed `transformers` really carry, found by running them.

The truth that a recogniser is scored on; it never reads the recogniser, nor a list of known names.
"""
