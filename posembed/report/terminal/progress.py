"""Live progress of a comparison: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_SECONDS = 10.0


class LiveProgress:
    """Shows what the units of a comparison are doing; call it with a unit's name and its message."""

    def __init__(self, console: Console, steps: int) -> None:
        self.console = console
        self.steps = steps
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, tuple[float, int]] = {}
        self._lines: dict[str, float] = {}
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                TextColumn("{task.fields[detail]}", markup=False),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
            )

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, name: str, message: dict[str, Any]) -> None:
        """Show one message: ``phase`` and, where it has them, ``step``, ``loss``, ``tokens_per_second``."""
        phase = message["phase"]
        detail = phase if phase != "training" else ""
        if "loss" in message:
            detail = f"loss {message['loss']:.3f}  {message['tokens_per_second']:,.0f} tokens/s"
        if phase in ("failed", "non-finite"):
            detail = f"{phase}: {message['message']}"
        if self._bars is None:
            self._line(name, message, detail)
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=self.steps, detail="")
        self._bars.update(self._tasks[name], completed=message.get("step"), detail=detail)
        if phase in ("failed", "non-finite"):
            self.console.print(f"{name} {detail}", markup=False, highlight=False)

    def _line(self, name: str, message: dict[str, Any], detail: str) -> None:
        now = time.monotonic()
        step = message.get("step")
        if message["phase"] == "training" and step is not None:
            self._begun.setdefault(name, (now, step))
            if now - self._lines.get(name, -_LINE_SECONDS) < _LINE_SECONDS and step < self.steps:
                return
            self._lines[name] = now
            begun, first = self._begun[name]
            if step > first:
                detail += f"  {(now - begun) / (step - first) * (self.steps - step):.0f} s left"
        at = "" if step is None else f" {step}/{self.steps}"
        self.console.print(f"{name}{at} {detail}", markup=False, highlight=False, soft_wrap=True)


class BytesProgress:
    """Bytes written, with the time left: a bar in a terminal, nothing elsewhere; call it with (done, total)."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("writing"),
            BarColumn(bar_width=32),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("writing", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __call__(self, done: int, total: int) -> None:
        """Show how many bytes of how many are written."""
        self._bar.update(self._task, completed=done, total=total)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
