"""Key presses, one at a time."""

import pytest

from posembed.cli import keys as module
from posembed.cli.keys import Keys


@pytest.fixture
def typed(monkeypatch):
    def keys(*reads):
        waiting = list(reads)
        monkeypatch.setattr(module, "_read", lambda: waiting.pop(0) if waiting else "")
        return Keys()

    return keys


def test_keys_that_come_together_are_told_apart(typed):
    keys = typed("ab\x1b[A", "\x1bOB\r", "\xe0H")
    assert [keys.next() for _ in range(6)] == ["a", "b", "\x1b[A", "\x1bOB", "\r", "\xe0H"]


def test_ctrl_c_and_the_end(typed):
    with pytest.raises(KeyboardInterrupt):
        typed("\x03").next()
    with pytest.raises(EOFError):
        typed("\x04").next()
    with pytest.raises(EOFError):
        typed().next()  # the terminal is gone
