"""What calibrating one kind of model must decide: defaults, start, configuration, objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor

from posembed.observer import Observer
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.model_kind import LoadedModel, ModelKind
from posembed.records.calibrate import CalibrateOptions, CalibrationConfig
from posembed.records.calibration import CalibrationStart, HeldOutTask

Texts = Mapping[str, Sequence[str]]
Loaded = TypeVar("Loaded", bound=LoadedModel)
# Validation inputs are at least four, or the loss is too noisy to choose a table by.
_LEAST_HELD_OUT = 4


@dataclass(frozen=True)
class Defaults:
    """Numbers of a training whose caller leaves them out, and of its validation.

    Attributes:
        steps: optimizer steps.
        batch: training inputs per step.
        shift_rate: learning rate of the vector that all trained rows share.
        row_rate: learning rate of the individual rows.
        held_out: validation inputs at most.
        held_out_tokens: their tokens at most.
        patience: evaluations without improvement after which training ends; ``None`` for never.
    """

    steps: int
    batch: int
    shift_rate: float
    row_rate: float
    held_out: int
    held_out_tokens: int
    patience: int | None = 3


@dataclass(frozen=True)
class FrozenParts(Generic[Loaded]):
    """A loaded model, its table longer and its weights frozen, as an objective needs it.

    Attributes:
        loaded: model and tokenizer.
        frozen: the model, called with a table in place of its own.
        rows: the table at the start of training, ``[rows, d_model]``.
        stored: the checkpoint's own table.
        reserved: rows before position 0.
        start: where training starts, and towards what.
        at_once: training inputs whose activations fit into memory together.
    """

    loaded: Loaded
    frozen: FrozenModel
    rows: Tensor
    stored: Tensor
    reserved: int
    start: CalibrationStart
    at_once: int


class Strategy(ABC, Generic[Loaded]):
    """How one kind of model is calibrated; :data:`posembed.quality.calibrate.strategies.STRATEGIES` lists them."""

    defaults: ClassVar[Defaults]
    gives_logits: ClassVar[bool]
    """Whether the model returns logits for every token, which take memory."""

    def __init__(self, kind: ModelKind[Loaded]) -> None:
        self.kind = kind

    def usual(self, options: CalibrateOptions) -> Defaults:
        """Return the numbers for what the caller leaves out."""
        del options
        return self.defaults

    def settle(self, options: CalibrateOptions) -> CalibrateOptions:
        """Return the options with those set that follow from others for this kind of model."""
        return options

    def check(self, request: Request, *, resumed: bool) -> None:
        """Refuse settings that cannot work, before minutes of work; which rows are kept may not be known yet.

        Args:
            request: what is asked for.
            resumed: whether saved work is resumed; its start has been chosen already.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        del resumed
        self.configuration(request, CalibrationStart("", {}, request.stated_keep or 0, 1, ()))

    @abstractmethod
    def choose_start(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the start that a request asks for, chosen on validation texts where it leaves that open.

        Raises:
            InvalidArgumentError: if nothing says which rows are kept.
        """

    @abstractmethod
    def configuration(self, request: Request, start: CalibrationStart) -> CalibrationConfig:
        """Return everything that decides the numbers of a training with that start.

        Raises:
            InvalidArgumentError: for sizes that do not fit each other.
        """

    @abstractmethod
    def short_inputs(self, kept: int, old: int) -> int:
        """Return the longest input, in positions, that reads the old table of length-aware ones.

        Args:
            kept: leading positions whose rows are kept.
            old: positions of the old table.
        """

    @abstractmethod
    def objective(self, parts: FrozenParts[Loaded], config: CalibrationConfig, texts: Texts) -> Objective:
        """Return what the table is trained for.

        Raises:
            DataError: if the texts are too short.
        """

    def held_out_tasks(
        self, parts: FrozenParts[Loaded], config: CalibrationConfig, table: Tensor, request: Request, observer: Observer
    ) -> tuple[HeldOutTask, ...] | None:
        """Return what the trained table is worth on validation texts, or ``None`` where the loss says it."""
        del parts, config, table, request, observer
        return None

    def pooling(self, loaded: Loaded) -> str:
        """Return how a loaded model's outputs become one vector; empty where they do not."""
        del loaded
        return ""

    def _configured(
        self, request: Request, start: CalibrationStart, *, document: int, read: int, **own: Any
    ) -> CalibrationConfig:
        """Return the configuration, given what this kind of model decides itself.

        Args:
            request: what is asked for.
            start: where training starts.
            document: tokens of the longest training input.
            read: tokens of a validation input.
            **own: the other fields.
        """
        options, usual = request.options, self.usual(request.options)
        steps = usual.steps if options.steps is None else options.steps
        patience = usual.patience if options.patience is None else options.patience
        return CalibrationConfig(
            kind=self.kind.name,
            data=options.data,
            length=request.length,
            period=start.period,
            document=document,
            batch=usual.batch if options.batch is None else options.batch,
            steps=steps,
            shift_rate=usual.shift_rate if options.shift_rate is None else options.shift_rate,
            row_rate=usual.row_rate if options.row_rate is None else options.row_rate,
            every=options.every,
            patience=steps if patience is None else patience,
            held_out=max(_LEAST_HELD_OUT, min(usual.held_out, usual.held_out_tokens // max(1, read))),
            precision=request.precision,
            seed=options.seed,
            **own,
        )
