"""What the architectures of the installed `transformers` really carry, found by running them.

The truth that a recognizer is scored on; it never reads the recognizer, nor a list of known names.
"""
