"""Text from files, made safe to print."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""The text on one line: what a terminal would obey or hide is written as its escape.

    Names in a checkpoint are anybody's: a newline, a colour code or a mark that turns the writing's direction must not
    reach the terminal.

    Example:
        >>> printable("wpe\n.weight \x1b[31m é")
        'wpe\\n.weight \\x1b[31m é'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in str(text))
