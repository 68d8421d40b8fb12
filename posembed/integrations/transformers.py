"""Log what a Transformers Trainer does to learned position tables: coverage, norms, trained range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posembed.errors import ArgumentTypeError, InvalidArgumentError, MissingExtraError
from posembed.integrations.table_monitor import TableMonitor
from posembed.nn.checks import require_count
from posembed.observer import SILENT, Observer

try:
    from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
    from transformers.trainer_callback import ExportableState
except ImportError:
    raise MissingExtraError("transformers", "models", "posembed.integrations.transformers") from None


class PositionTableCounts(TrainerCallback, ExportableState):
    """Keep the counts of a :class:`PositionTableCallback` in the Trainer's checkpoints; it adds this by itself."""

    def __init__(self) -> None:
        self.monitor: TableMonitor | None = None

    def state(self) -> dict[str, Any]:
        """Return what the Trainer writes into ``trainer_state.json``."""
        counts = {} if self.monitor is None else self.monitor.state_dict()
        return {"args": {}, "attributes": {"counts": counts}}


class PositionTableCallback(TrainerCallback):
    """Log the coverage, norms and trained range of a model's position tables to whatever the Trainer logs to.

    Beside each training loss it logs the scalars of :meth:`posembed.integrations.table_monitor.TableMonitor.scalars`
    through ``trainer.log``, which TensorBoard, W&B, MLflow and the others receive; TensorBoard also gets histograms.
    After the first epoch, or ``warn_after`` steps if that is sooner, it warns once of positions that have had no
    gradient. The counts are part of the Trainer's checkpoints, and go on from there in resumed training.

    Args:
        trainer: the Trainer that the callback is added to.
        every: log beside every N-th training loss.
        range_every: infer the trained range with every N-th of these logs, and always at the end.
        warn_after: optimizer steps after which to warn, where the first epoch is longer.
        observer: receives warnings; by default they go to the logger named ``posembed``.

    Raises:
        ArgumentTypeError: for anything but a Trainer, or numbers that are not whole.
        InvalidArgumentError: for a number below 1.

    Example:
        >>> from transformers import Trainer
        >>> trainer = Trainer(model, arguments, train_dataset=texts)  # doctest: +SKIP
        >>> trainer.add_callback(PositionTableCallback(trainer))  # doctest: +SKIP
        >>> trainer.train()  # doctest: +SKIP
    """

    def __init__(
        self,
        trainer: Trainer | None = None,
        *,
        every: int = 1,
        range_every: int = 10,
        warn_after: int = 1000,
        observer: Observer = SILENT,
    ) -> None:
        if not isinstance(trainer, Trainer):  # Trainer(callbacks=[PositionTableCallback]) would give none
            raise ArgumentTypeError(
                f"trainer={trainer!r} must be the Trainer that logs: call "
                "trainer.add_callback(PositionTableCallback(trainer)) after making it"
            )
        for name, value in (("every", every), ("range_every", range_every), ("warn_after", warn_after)):
            require_count(name, value, minimum=1)
        self._trainer, self._observer = trainer, observer
        self._every, self._range_every, self._warn_after = every, range_every, warn_after
        self._monitor: TableMonitor | None = None
        self._kept = PositionTableCounts()
        trainer.add_callback(self._kept)
        self._losses = self._logs = 0
        self._logged_at = -1
        self._logging = self._warned = False

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the Trainer's own names
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        """Find the model's tables; resumed training goes on with the counts of its checkpoint."""
        self._monitor, self._losses, self._logs, self._logged_at, self._warned = None, 0, 0, -1, False
        try:
            self._monitor = TableMonitor(kwargs["model"])
        except InvalidArgumentError as error:  # no reason to stop the training
            self._warn(str(error))
        if self._monitor is not None and state.global_step:
            self._restore(self._monitor, state)
        self._keep(state)

    def on_pre_optimizer_step(self, *_: object, **__: object) -> None:
        """Count the positions with a gradient: all micro batches are accumulated, nothing is zeroed yet."""
        if self._monitor is not None:
            self._monitor.step()

    def on_step_end(self, *_: object, **__: object) -> None:
        """Warn of untrained positions after ``warn_after`` steps."""
        if self._monitor is not None and self._monitor.steps >= self._warn_after:
            self._warn_once()

    def on_epoch_end(self, *_: object, **__: object) -> None:
        """Warn of untrained positions after the first epoch."""
        self._warn_once()

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Log the tables beside every N-th training loss, and at the end of training."""
        if self._monitor is None or self._logging or logs is None:
            return
        ends = "train_runtime" in logs
        self._losses += "loss" in logs
        if ends or ("loss" in logs and self._losses % self._every == 0):
            self._logs += 1
            self._log(self._monitor, state.global_step, trained_range=ends or self._logs % self._range_every == 0)

    def _log(self, monitor: TableMonitor, step: int, *, trained_range: bool) -> None:
        scalars = monitor.scalars(trained_range=trained_range)
        new = step != self._logged_at
        if not new:  # the end of training, right after its last loss
            scalars = {name: value for name, value in scalars.items() if name.endswith("/trained_range")}
        if not scalars:
            return
        self._logged_at = step
        self._logging = True  # `trainer.log` calls `on_log` again
        try:
            self._trainer.log(scalars)
        finally:
            self._logging = False
        for name, values in monitor.histograms().items() if new else ():
            for writer in self._tensorboard_writers():
                writer.add_histogram(f"train/{name}", values, step)

    def _tensorboard_writers(self) -> list[Any]:
        from transformers.integrations.integration_utils import TensorBoardCallback

        callbacks = self._trainer.callback_handler.callbacks
        return [each.tb_writer for each in callbacks if isinstance(each, TensorBoardCallback) and each.tb_writer]

    def _keep(self, state: TrainerState) -> None:
        """Let the Trainer write the counts into its checkpoints."""
        self._kept.monitor = self._monitor
        if self._kept not in self._trainer.callback_handler.callbacks:
            # Where the Trainer restores callbacks from a checkpoint, it has put another one in its place.
            self._trainer.remove_callback(PositionTableCounts)
            self._trainer.add_callback(self._kept)
        # A checkpoint of a run without this callback has no entry for it, and saving the next one would fail.
        kept = state.stateful_callbacks
        if isinstance(kept, dict):
            kept.setdefault(PositionTableCounts.__name__, self._kept.state())

    def _restore(self, monitor: TableMonitor, state: TrainerState) -> None:
        stored = state.stateful_callbacks
        entry = stored.get(PositionTableCounts.__name__) if isinstance(stored, dict) else None
        counts = entry.get("attributes", {}).get("counts") if isinstance(entry, dict) else None
        try:
            if not counts:
                raise InvalidArgumentError("its checkpoint holds no counts")
            monitor.load_state_dict(counts)
        except InvalidArgumentError as error:
            self._warn(f"training resumes at step {state.global_step}, but {error}: positions are counted from here on")
            return
        # The run before has warned at its first epoch's end, or after as many steps.
        self._warned = monitor.steps >= self._warn_after or (state.epoch or 0) >= 1

    def _warn_once(self) -> None:
        if self._monitor is not None and not self._warned:
            self._warned = True
            for sentence in self._monitor.warnings():
                self._warn(sentence)

    def _warn(self, sentence: str) -> None:
        if self._trainer.is_world_process_zero():
            self._observer.warning(sentence)
