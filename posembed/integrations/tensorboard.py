"""Write what a long call reports into TensorBoard's event files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from posembed.errors import InvalidArgumentError, ResultsConflictError, os_reason, require_package
from posembed.files import path_of
from posembed.observer import SILENT, Observer, Progress

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_EVENTS = "events.out.tfevents.*"


class TensorBoardObserver(Observer):
    """Write the losses and the speed of each training into TensorBoard's event files; enter it around the call.

    Each piece of work, such as ``calibration`` or ``learned-seed0``, is a run of its own, a folder below ``log_dir``.
    It has the scalars ``train/loss``, ``validation/loss`` and ``train/tokens_per_second``. Work that is resumed goes on
    in the same runs: of steps that were taken twice, TensorBoard shows the later ones.

    Args:
        log_dir: the directory; made when there is something to write.
        observer: receives everything as well.
        resume: continue the runs in ``log_dir``. Without it, the directory must not hold any.

    Raises:
        InvalidArgumentError: for a file in place of a directory.
        ResultsConflictError: if ``log_dir`` holds runs and ``resume`` is not set.
        MissingExtraError: if tensorboard is not installed.

    Example:
        >>> from posembed import compare
        >>> with TensorBoardObserver("runs/first") as observer:  # doctest: +SKIP
        ...     compare("stdlib", steps=500, observer=observer)
    """

    def __init__(self, log_dir: str | os.PathLike[str], observer: Observer = SILENT, *, resume: bool = False) -> None:
        require_package("tensorboard", "tensorboard", "logging to TensorBoard")
        self.log_dir = path_of("log_dir", log_dir)
        if self.log_dir.exists() and not self.log_dir.is_dir():
            raise InvalidArgumentError(f"log_dir={str(log_dir)!r} is a file; give a directory")
        if not resume and any(self.log_dir.rglob(_EVENTS)):
            raise ResultsConflictError(
                f"log_dir={str(log_dir)!r} holds event files already, which would be mixed with those of this call: "
                "give another `log_dir`, or resume=True to continue the work that wrote them"
            )
        self._observer, self._resume = observer, resume
        self._writers: dict[str, SummaryWriter] = {}
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for writer in self._writers.values():
                writer.close()
        except OSError as fault:
            self._stop(fault)

    def message(self, text: str) -> None:
        """Pass a message on."""
        self._observer.message(text)

    def warning(self, text: str) -> None:
        """Pass a warning on."""
        self._observer.warning(text)

    def should_stop(self) -> bool:
        """Ask the other observer."""
        return self._observer.should_stop()

    def progress(self, update: Progress) -> None:
        """Write the losses and the speed of a training step, and pass the update on."""
        self._observer.progress(update)
        if update.done is None or self._broken:
            return
        for name, value in _scalars(update):
            try:
                self._writer(update.name, update.done).add_scalar(name, value, update.done)
            except OSError as fault:  # a full disk is no reason to lose hours of training
                self._stop(fault)
                return

    def _writer(self, name: str, step: int) -> SummaryWriter:
        if name not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            # What an earlier process logged from this step on was lost with its unsaved work, and is logged again.
            purge = step if self._resume else None
            self._writers[name] = SummaryWriter(self.log_dir / name, purge_step=purge)
        return self._writers[name]

    def _stop(self, fault: OSError) -> None:
        if not self._broken:
            self._broken = True
            self.warning(f"nothing more is logged to {self.log_dir}: {os_reason(fault)}")


def _scalars(update: Progress) -> Iterator[tuple[str, float]]:
    if update.train_loss is not None:
        yield "train/loss", update.train_loss
    if update.validation_loss is not None:
        yield "validation/loss", update.validation_loss
    if update.train_loss is not None and update.tokens_per_second is not None:
        yield "train/tokens_per_second", update.tokens_per_second
