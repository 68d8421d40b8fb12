"""The command line: parse, call one function, print."""

from posembed.cli.app import main

__all__ = ["main"]
