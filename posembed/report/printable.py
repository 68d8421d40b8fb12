"""Text from files, made safe to print."""

from __future__ import annotations

from posembed.errors import shortened


def printable(text: object) -> str:
    r"""Return the text on one line, without pages of a single name, and with escapes for what a terminal would obey.

    Names in a checkpoint come from strangers: a newline, a color code or a mark that changes the direction of writing
    must not reach the terminal.

    Example:
        >>> printable("wpe\n.weight \x1b[31m é")
        'wpe\\n.weight \\x1b[31m é'
    """
    plain = shortened(str(text))
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in plain)
