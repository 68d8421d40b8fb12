"""What one call of ``calibrate`` asks for, of a checkpoint that is opened once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from posembed.checkpoint.local_copy import LocalCopy
from posembed.checkpoint.source import Checkpoint
from posembed.errors import InvalidArgumentError
from posembed.find.found import FoundTable
from posembed.hardware import resolve_device, resolve_precision
from posembed.quality.models.position_table import only_table, refuse_length_aware
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import RequestedSizes


@dataclass(frozen=True)
class Request:
    """One call of ``calibrate``.

    Attributes:
        path: the checkpoint's path on this machine.
        checkpoint: the same, opened.
        table: its position table.
        options: what the caller asked for.
        precision: ``"bf16"`` or ``"fp32"``.
        device: where the model runs.
    """

    path: str | os.PathLike[str]
    checkpoint: Checkpoint
    table: FoundTable
    options: CalibrateOptions
    precision: str
    device: str = "cpu"

    @classmethod
    def open(cls, path: str | os.PathLike[str] | LocalCopy, options: CalibrateOptions) -> Request:
        """Open a checkpoint on this machine and find its position table.

        Raises:
            InvalidArgumentError: if it has not exactly one position table, or length-aware tables already.
        """
        copy = path if isinstance(path, LocalCopy) else LocalCopy(path)
        checkpoint = copy.open()
        table = only_table(checkpoint)
        refuse_length_aware(copy.path, "calibrate")
        device = resolve_device(options.device)
        return cls(copy.path, checkpoint, table, options, resolve_precision(options.precision, device), device)

    @property
    def old(self) -> int:
        """Usable positions of the checkpoint's table."""
        return self.table.usable_length

    @property
    def length(self) -> int:
        """Usable positions of the new table."""
        return self.old if self.options.length is None else self.options.length

    @property
    def grows(self) -> bool:
        """Whether the table becomes longer."""
        return self.length > self.old

    @property
    def stated_keep(self) -> int | None:
        """The number of kept positions that ``keep`` or ``range`` states, or ``None``."""
        return self.options.range if self.options.keep is None else self.options.keep

    @property
    def sizes(self) -> RequestedSizes:
        """The sizes that a saved state belongs to."""
        return RequestedSizes(self.length, self.options.range, self.options.keep)

    def with_steps(self, steps: int | None) -> Request:
        """Return the request with another number of steps."""
        return replace(self, options=replace(self.options, steps=steps))

    def require_sizes(self) -> None:
        """Refuse sizes that do not fit the table.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        given = self.options
        if self.length < self.old:
            raise InvalidArgumentError(f"length={self.length} is below the {self.old} positions that the table has")
        if given.range is not None and not self.grows:
            raise InvalidArgumentError(
                f"range={given.range} applies only when the table is extended: set a greater `length`"
            )
        bounds = (("range", given.range, 2, self.old), ("keep", given.keep, 0, self.length - 1))
        for name, value, least, most in bounds:
            if value is not None and not least <= value <= most:
                raise InvalidArgumentError(f"{name}={value} must lie between {least} and {most}")
        if given.length_aware and not self.grows:
            raise InvalidArgumentError("length_aware=True requires a table that grows: set a greater `length`")
