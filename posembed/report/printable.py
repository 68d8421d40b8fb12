"""Text from files, made safe to print."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""Return the text on one line, with escapes in place of characters that a terminal would obey or hide.

    Names in a checkpoint come from strangers: a newline, a color code or a mark that changes the direction of writing
    must not reach the terminal.

    Example:
        >>> printable("wpe\n.weight \x1b[31m é")
        'wpe\\n.weight \\x1b[31m é'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in str(text))
