"""The observer of the terminal: bars, lines, messages, Ctrl-C."""

import contextlib
import io
import logging
import os
import signal
import threading
import time

import pytest
from rich.console import Console

from posembed.observer import Progress
from posembed.report.terminal import progress as module
from posembed.report.terminal.progress import TerminalObserver

UPDATES = [
    Progress("learned-seed0", 1, 100, phase="training", loss=5.5, tokens_per_second=12345.6),
    Progress("rope-seed0", 100, 100, phase="kept"),
    Progress("learned-seed0", 100, 100, phase="training", loss=2.25, tokens_per_second=20000.0),
    Progress("learned-seed0", 100, 100, phase="evaluating"),
    Progress("learned-seed0", 100, 100, phase="finished"),
    Progress("none-seed0", phase="failed", detail="the process [/nope] died [red]"),
    Progress("alibi-seed0", 100, 100, phase="non-finite", detail="the loss became nan at step 3 of 100"),
]


def console(**more):
    return Console(file=io.StringIO(), **{"width": 200} | more)


def lines_of(observer):
    return observer.console.file.getvalue().splitlines()


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


# --- lines -----------------------------------------------------------------------------------------------------------


def test_plain_lines_where_there_is_no_terminal():
    with TerminalObserver(console(width=40)) as observer:
        for update in UPDATES:
            observer.progress(update)
    lines = lines_of(observer)
    assert len(lines) == len(UPDATES)  # long ones are not folded
    assert "\x1b" not in "".join(lines)
    assert lines[0] == "learned-seed0 1/100 loss 5.500  12,346 tokens/s"
    assert lines[1] == "rope-seed0 100/100 kept"
    assert lines[2].startswith("learned-seed0 100/100 loss 2.250  20,000 tokens/s  0 s left")
    assert lines[3:5] == ["learned-seed0 100/100 evaluating", "learned-seed0 100/100 finished"]
    assert lines[5] == "none-seed0 failed: the process [/nope] died [red]"
    assert lines[6] == "alibi-seed0 100/100 non-finite: the loss became nan at step 3 of 100"


def test_a_warning_is_never_left_out(caplog):
    """A message is, where another follows within ten seconds; and no log means that Python itself prints nothing."""
    for shown in (console(), console(force_terminal=True)):
        with TerminalObserver(shown) as observer:
            observer.message("reading texts")
            observer.warning("out.calibrating [b]is damaged[/b]")
            observer.message("loading the model")
        assert "posembed: out.calibrating [b]is damaged[/b]" in "\n".join(lines_of(observer))
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_lines_come_every_ten_seconds_with_the_time_that_is_left(clock):
    with TerminalObserver(console()) as observer:
        for step in range(1, 41):
            for name in ("a", "b"):
                observer.progress(Progress(name, step, 1000, phase="training", loss=1.0, tokens_per_second=1.0))
            clock[0] += 1.0
    lines = lines_of(observer)
    assert [line.split()[:2] for line in lines] == [
        [name, f"{step}/1000"] for step in (1, 11, 21, 31) for name in ("a", "b")
    ]
    assert lines[2].endswith("989 s left")  # a step a second, 1000 − 11 to go
    assert "left" not in lines[0]


def test_bytes_are_worth_a_line_once_they_take_ten_seconds(clock):
    with TerminalObserver(console()) as observer:
        for megabytes in range(31):
            observer.progress(Progress("writing", megabytes * 10**6, 30 * 10**6, "bytes"))
            clock[0] += 1.0
    assert [line.split("  ")[0] for line in lines_of(observer)] == [f"writing {done} MB/30 MB" for done in (10, 20, 30)]
    with TerminalObserver(console()) as observer:
        observer.progress(Progress("writing", 5, 5, "bytes"))
    assert lines_of(observer) == []


def test_a_message_is_left_out_if_another_follows_soon(clock):
    with TerminalObserver(console()) as observer:
        for text in ("first", "second", "third"):
            observer.message(text)
        clock[0] += 10.0
        observer.message("fourth")
    assert lines_of(observer) == ["first …", "fourth …"]


def test_a_message_that_nothing_follows_is_shown_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "LINE_SECONDS", 0.05)
    with TerminalObserver(console()) as observer:
        observer.message("first")
        observer.message("second takes long")
        deadline = time.monotonic() + 20
        while len(lines_of(observer)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert lines_of(observer) == ["first …", "second takes long …"]
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_messages_are_printed_safely():
    with TerminalObserver(console()) as observer:
        observer.message("reading [red]\x1b[31m")
    assert lines_of(observer) == [r"reading [red]\x1b[31m …"]


def test_everything_goes_to_the_logger_too(caplog):
    with caplog.at_level(logging.DEBUG, logger="posembed"), TerminalObserver(console()) as observer:
        observer.message("loading")
        observer.progress(Progress("writing", 1, 2))
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "loading"),
        ("DEBUG", str(Progress("writing", 1, 2))),
    ]


# --- bars ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 80, 200])
def test_bars_on_a_terminal(width, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    with TerminalObserver(console(width=width, force_terminal=True)) as observer:
        observer.message("reading the corpus")
        for update in UPDATES:
            observer.progress(update)
        observer._shown.live.refresh()
    text = observer.console.file.getvalue()
    assert "\x1b[" in text
    assert "none-seed0 failed" in text.replace("\n", " ")
    if width == 200:
        assert "the process [/nope] died [red]" in text
        assert "100/100" in text
        assert "reading the corpus …" in text


def test_the_bars_of_finished_work_end_full():
    """Training that stops early because nothing gets better any more is done: 250 of 400 steps would look broken."""
    with TerminalObserver(console(force_terminal=True)) as observer:
        observer.progress(Progress("calibration", 250, 400, phase="training"))
        observer.progress(Progress("writing", 900, 1000, "bytes"))
        observer.progress(Progress("rope", 30, 400, phase="failed", detail="it died"))
    bars = {task.description: task.completed for task in (*observer._shown.steps.tasks, *observer._shown.bytes.tasks)}
    assert bars == {"calibration": 400, "writing": 1000, "rope": 30}


def test_bars_are_stopped_where_they_were_when_the_work_fails():
    observer = TerminalObserver(console(force_terminal=True))
    with contextlib.suppress(KeyError), observer:
        observer.progress(Progress("learned-seed0", 3, 100))
        assert observer._shown.live.is_started
        raise KeyError
    assert not observer._shown.live.is_started
    assert observer._shown.steps.tasks[0].completed == 3


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_that_listens_is_asked_then_interrupted(number):
    before = signal.getsignal(number)
    with TerminalObserver(console()) as observer:
        assert not observer.should_stop()
        os.kill(os.getpid(), number)
        assert observer.should_stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_call_that_does_not_listen_is_interrupted_at_once():
    with TerminalObserver(console()), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_what_listened_is_over_with_the_next_message():
    """After a training the copy is written, which asks nothing: Ctrl-C interrupts it at once, an earlier one too."""
    with TerminalObserver(console()) as observer:
        observer.progress(Progress("calibration", 1, 2, phase="training"))
        observer.message("writing")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with TerminalObserver(console()) as observer:
        assert not observer.should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            observer.message("writing")


def test_in_a_thread_signals_are_left_alone():
    before, inside = signal.getsignal(signal.SIGINT), []

    def work():
        with TerminalObserver(console()):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
