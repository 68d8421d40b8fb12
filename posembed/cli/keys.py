"""Single key presses from the terminal."""

from __future__ import annotations

import os
import re
import sys

_KEY = re.compile(r"\x1b[\[O].|\xe0.|.", re.DOTALL)


class Keys:
    """Key presses one at a time: a terminal hands over several at once where they were typed fast, or pasted."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def next(self) -> str:
        """Return the next key, an arrow as its escape sequence.

        Raises:
            KeyboardInterrupt: for Ctrl-C.
            EOFError: for Ctrl-D, or when the terminal is gone.
        """
        if not self.waiting:
            self.waiting = _KEY.findall(_read())
        if not self.waiting:
            raise EOFError
        key = self.waiting.pop(0)
        if key == "\x03":
            raise KeyboardInterrupt
        if key == "\x04":
            raise EOFError
        return key


def _read() -> str:
    """Wait for a key press; return all that the terminal has by then."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        import msvcrt

        key: str = msvcrt.getwch()  # type: ignore[attr-defined]
        return key + msvcrt.getwch() if key in ("\0", "\xe0") else key  # type: ignore[attr-defined]
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        return os.read(terminal, 32).decode(sys.stdin.encoding, errors="replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
