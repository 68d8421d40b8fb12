"""What a long call reports: on a terminal bars and the latest message, elsewhere a plain line every ten seconds."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars
from rich.spinner import Spinner
from rich.text import Text

from posembed.observer import Observer, Progress
from posembed.report.printable import printable

LINE_SECONDS = 10.0
"""Between two lines of one piece of work: a log of hours stays readable, and nobody takes the program for dead."""
_FAILED = ("failed", "non-finite")


class TerminalObserver(Observer):
    """Show what a call reports, on standard error; enter it as a context around the call.

    Ctrl-C (and SIGTERM) asks a call to stop that listens, which then saves its work; a second one interrupts it. A call
    that does not listen is interrupted by the first.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console if console is not None else Console(stderr=True)
        self._shown = _Bars(self.console) if self.console.is_terminal else _Lines(self.console)
        self._listens = self._stopping = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._shown.end(done=kind is None)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping or not self._listens:
            raise KeyboardInterrupt
        self._stopping = True
        self._shown.message("stopping after this step (a second Ctrl-C stops at once)")

    def message(self, text: str) -> None:
        """Show what is being done; a stop that nobody asked about before it interrupts the work."""
        self._listens = False  # what listened until now, such as a training, is over
        if self._stopping:
            raise KeyboardInterrupt
        super().message(text)
        self._shown.message(text)

    def warning(self, text: str) -> None:
        """Show a line that must not be missed, and leave it on the screen."""
        super().message(text)  # a log has it; Python itself prints a warning that no log takes, a second time
        self._shown.warning(text)

    def progress(self, update: Progress) -> None:
        """Show how far one piece of work has come."""
        super().progress(update)
        self._listens = self._listens or update.phase == "training"  # every training asks after each step
        self._shown.progress(update)

    def should_stop(self) -> bool:
        """Return whether the user has asked to stop."""
        self._listens = True
        return self._stopping


def detail(update: Progress) -> str:
    """Return what a line says of an update, besides how far it is.

    Example:
        >>> detail(Progress("calibration", 3, 10, phase="training", loss=2.25, tokens_per_second=1234.5))
        'loss 2.250  1,234 tokens/s'
    """
    if update.phase in _FAILED:
        return f"{update.phase}: {update.detail}"
    parts = [] if update.phase in ("", "training") else [update.phase]
    if update.loss is not None:
        parts.append(f"loss {update.loss:.3f}")
    if update.tokens_per_second is not None:
        parts.append(f"{update.tokens_per_second:,.0f} tokens/s")
    return "  ".join([*parts, update.detail] if update.detail else parts)


class _Bars:
    """Bars, and below them the latest message, drawn over and over; nothing of it stays but finished bars."""

    def __init__(self, console: Console) -> None:
        self.console = console
        name, bar = TextColumn("{task.description}", markup=False), BarColumn(bar_width=24)
        left = (TextColumn("left"), TimeRemainingColumn())
        steps = MofNCompleteColumn()
        said = TextColumn("{task.fields[detail]}", markup=False)
        self.steps = Bars(name, bar, steps, said, TimeElapsedColumn(), *left, console=console)
        self.bytes = Bars(name, bar, DownloadColumn(), TransferSpeedColumn(), *left, console=console)
        self._tasks: dict[str, TaskID] = {}
        self._failed: set[str] = set()
        self._message: RenderableType = Text()
        self.live = Live(console=console, get_renderable=self._drawn, redirect_stdout=False, transient=False)

    def _drawn(self) -> RenderableType:
        return Group(*(bars for bars in (self.steps, self.bytes) if bars.tasks), self._message)

    def message(self, text: str) -> None:
        self._message = Spinner("dots", Text(f"{printable(text)} …", no_wrap=True, overflow="ellipsis"))
        self.live.start()

    def warning(self, text: str) -> None:
        self.console.print(f"posembed: {printable(text)}", markup=False, highlight=False, soft_wrap=True)

    def progress(self, update: Progress) -> None:
        bars = self.bytes if update.unit == "bytes" else self.steps
        if update.name not in self._tasks:
            self._tasks[update.name] = bars.add_task(update.name, total=update.total, detail="")
        said = printable(detail(update))
        bars.update(self._tasks[update.name], completed=update.done, total=update.total, detail=said)
        self.live.start()
        if update.phase in _FAILED:
            self._failed.add(update.name)
            self.console.print(f"{update.name} {said}", markup=False, highlight=False)

    def end(self, *, done: bool) -> None:
        self._message = Text()
        for bars in (self.steps, self.bytes):
            for task in bars.tasks:  # training may end before its last step, and the work is done all the same
                if done and task.description not in self._failed and task.total is not None:
                    bars.update(task.id, completed=task.total)
        self.live.stop()


class _Lines:
    """Lines of a log: of each piece of work one in ten seconds, its phases, failures and its end; messages alike.

    A message that another follows within ten seconds is left out, unless it is the first.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun: dict[str, tuple[float, int]] = {}
        self._phases: dict[str, str] = {}
        self._last: dict[str, float] = {}
        self._told: float | None = None
        self._timer: threading.Timer | None = None

    def message(self, text: str) -> None:
        self._forget()
        wait = 0.0 if self._told is None else LINE_SECONDS - (time.monotonic() - self._told)
        if wait <= 0:
            self._tell(text)
        else:  # nothing may follow for an hour: then this one is what the log needs
            self._timer = threading.Timer(wait, self._tell, [text])
            self._timer.daemon = True
            self._timer.start()

    def warning(self, text: str) -> None:
        self._print(f"posembed: {text}")

    def _tell(self, text: str) -> None:
        self._told = time.monotonic()
        self._print(f"{text} …")

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def progress(self, update: Progress) -> None:
        now, name = time.monotonic(), update.name
        begun, first = self._begun.setdefault(name, (now, update.done or 0))
        new_phase = self._phases.get(name, "") != update.phase and update.phase != ""
        self._phases[name] = update.phase
        if not self._is_due(update, now, begun, new_phase=new_phase):
            return
        self._forget()
        self._last[name] = now
        done = update.done
        at = "" if done is None else f" {_amount(done, update.unit)}/{_amount(update.total, update.unit)}"
        left = ""
        if done is not None and update.total is not None and first < done <= update.total and update.phase != "kept":
            left = f"  {(now - begun) / (done - first) * (update.total - done):.0f} s left"
        self._print(f"{name}{at} {detail(update)}{left if update.phase in ('', 'training') else ''}")

    def _is_due(self, update: Progress, now: float, begun: float, *, new_phase: bool) -> bool:
        """Whether an update is worth a line. Bytes that are written within ten seconds are not."""
        if update.unit == "bytes":
            return now - self._last.get(update.name, begun) >= LINE_SECONDS
        ended = update.done is not None and update.done == update.total
        return new_phase or ended or now - self._last.get(update.name, -LINE_SECONDS) >= LINE_SECONDS

    def _print(self, line: str) -> None:
        self.console.print(printable(line.rstrip()), markup=False, highlight=False, soft_wrap=True)

    def end(self, *, done: bool) -> None:  # noqa: ARG002 - lines have no bar to fill
        self._forget()


def _amount(count: int | None, unit: str) -> str:
    if count is None:
        return "?"
    return f"{count / 1e6:,.0f} MB" if unit == "bytes" else str(count)
