"""One way to follow a long call: messages, progress, and a question whether to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

LOGGER = logging.getLogger("posembed")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one piece of work has come.

    Attributes:
        name: the piece of work, such as ``"calibration"``, ``"learned-seed0"`` or ``"writing"``.
        done: units finished, or ``None`` where they are not counted.
        total: units in all, or ``None`` if that is not known yet.
        unit: what is counted: ``"steps"``, ``"bytes"``, ``"candidates"``, ….
        phase: ``"training"``, ``"evaluating"``, ``"failed"``, … where the work has phases.
        loss: latest loss in nats per token, or of the objective.
        tokens_per_second: current speed.
        detail: anything else to show, one line.
        seconds: time that the work itself has taken so far, where it is measured.
        train_loss: loss of the latest training step, while training.
        validation_loss: loss on validation texts, in the update that follows its measurement.
    """

    name: str
    done: int | None = None
    total: int | None = None
    unit: str = "steps"
    phase: str = ""
    loss: float | None = None
    tokens_per_second: float | None = None
    detail: str = ""
    seconds: float | None = None
    train_loss: float | None = None
    validation_loss: float | None = None


class Observer:
    """Receive what a long call reports; override the methods you need.

    By default messages go to the standard logger named ``posembed`` (level INFO), progress to its level DEBUG, and the
    call is never stopped.

    Example:
        >>> class Printing(Observer):
        ...     def message(self, text: str) -> None:
        ...         print(text)
        >>> Printing().message("loading the model")
        loading the model
    """

    def message(self, text: str) -> None:
        """Receive one line about what is being done."""
        LOGGER.info("%s", text)

    def warning(self, text: str) -> None:
        """Receive one line that the user must see: something was found damaged, say, and another file is used."""
        LOGGER.warning("%s", text)

    def progress(self, update: Progress) -> None:
        """Receive how far one piece of work has come."""
        LOGGER.debug("%s", update)

    def should_stop(self) -> bool:
        """Return whether to stop: work in progress is saved first, where it can be resumed."""
        return False


SILENT = Observer()


class Callbacks(Observer):
    """An observer made of plain functions, each optional.

    Example:
        >>> Callbacks(message=print).message("reading texts")
        reading texts
    """

    def __init__(
        self,
        *,
        message: Callable[[str], None] | None = None,
        progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._message, self._progress, self._should_stop = message, progress, should_stop

    def message(self, text: str) -> None:
        """Log the line, and pass it to the function."""
        super().message(text)
        if self._message is not None:
            self._message(text)

    def warning(self, text: str) -> None:
        """Log the line, and pass it to the function of messages."""
        super().warning(text)
        if self._message is not None:
            self._message(text)

    def progress(self, update: Progress) -> None:
        """Log the update, and pass it to the function."""
        super().progress(update)
        if self._progress is not None:
            self._progress(update)

    def should_stop(self) -> bool:
        """Ask the function."""
        return self._should_stop is not None and self._should_stop()
