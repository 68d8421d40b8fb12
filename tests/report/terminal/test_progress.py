import contextlib
import io
import time

import pytest
from rich.console import Console

from posembed.report.terminal.progress import LiveProgress

MESSAGES = [
    ("learned-seed0", {"phase": "training", "step": 1, "loss": 5.5, "tokens_per_second": 12345.6}),
    ("rope-seed0", {"phase": "kept", "step": 100}),
    ("learned-seed0", {"phase": "training", "step": 100, "loss": 2.25, "tokens_per_second": 20000.0}),
    ("learned-seed0", {"phase": "evaluating", "step": 100}),
    ("learned-seed0", {"phase": "finished", "message": "", "step": 100}),
    ("none-seed0", {"phase": "failed", "message": "the process [/nope] died [red]"}),
    ("alibi-seed0", {"phase": "non-finite", "message": "the loss became nan at step 3 of 100", "step": 100}),
]


def test_plain_lines_where_there_is_no_terminal():
    console = Console(file=io.StringIO(), width=40)
    with LiveProgress(console, 100) as progress:
        for name, message in MESSAGES:
            progress(name, message)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == len(MESSAGES)  # long ones are not folded
    assert "\x1b" not in console.file.getvalue()
    assert lines[0] == "learned-seed0 1/100 loss 5.500  12,346 tokens/s"
    assert lines[1] == "rope-seed0 100/100 kept"
    assert lines[2].startswith("learned-seed0 100/100 loss 2.250  20,000 tokens/s  0 s left")
    assert lines[3:5] == ["learned-seed0 100/100 evaluating", "learned-seed0 100/100 finished"]
    assert lines[5] == "none-seed0 failed: the process [/nope] died [red]"
    assert lines[6] == "alibi-seed0 100/100 non-finite: the loss became nan at step 3 of 100"


def test_lines_come_every_ten_seconds_with_the_time_that_is_left(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=200)
    with LiveProgress(console, 1000) as progress:
        for step in range(1, 41):
            for name in ("a", "b"):
                progress(name, {"phase": "training", "step": step, "loss": 1.0, "tokens_per_second": 1.0})
            now[0] += 1.0
    lines = console.file.getvalue().splitlines()
    assert [line.split()[:2] for line in lines] == [
        [name, f"{step}/1000"] for step in (1, 11, 21, 31) for name in ("a", "b")
    ]
    assert lines[2].endswith("989 s left")  # a step a second, 1000 − 11 to go
    assert "left" not in lines[0]


@pytest.mark.parametrize("width", [20, 80, 200])
def test_bars_on_a_terminal(width, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    with LiveProgress(console, 100) as progress:
        for name, message in MESSAGES:
            progress(name, message)
        progress._bars.refresh()
    text = console.file.getvalue()
    assert "\x1b[" in text
    assert "none-seed0 failed" in text.replace("\n", " ")
    if width == 200:
        assert "the process [/nope] died [red]" in text
        assert "100/100" in text


def test_bars_are_stopped_when_the_work_fails():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    progress = LiveProgress(console, 100)
    with contextlib.suppress(KeyError), progress:
        progress("learned-seed0", {"phase": "kept"})
        assert progress._bars.live.is_started
        progress("learned-seed0", {})
    assert not progress._bars.live.is_started
