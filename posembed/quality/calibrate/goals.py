"""What the table of an embedding model is trained for: vectors like those of the chunks, or finding hidden facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from posembed.errors import WorkFailedError
from posembed.observer import Observer
from posembed.quality.behavior.probe import working_range
from posembed.quality.calibrate.contrastive import Contrastive
from posembed.quality.calibrate.distillation import Distillation
from posembed.quality.calibrate.mixture import Mixture
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.strategy import Defaults, FrozenParts, Texts
from posembed.quality.calibrate.target import choose_target
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.embedder import Embedder
from posembed.quality.search.search import search_method
from posembed.quality.texts import load_documents
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationStart, DistillationTarget

# Tokens of the validation inputs in all: about a tenth of the time of training.
_HELD_OUT_TOKENS = 32 * 1024
# Positions between two knots of the spline over the longest training document: so many are learned from some hundred
# steps of a few passages.
_KNOT_SPACING = 16
# Of work that an earlier version began, which had no other.
_BEFORE = DistillationTarget(128, 256, 0.5)
# Methods whose start calibration knows how to continue; with kept rows in the same table, a mean does not go.
SEARCHED = ("tile", "stretch", "mean")
SEARCHED_TO_KEEP = ("tile", "stretch")


class Goal(ABC):
    """What a table is trained for, and with which numbers."""

    defaults: ClassVar[Defaults]
    document: ClassVar[int]
    """Tokens of the longest training document by default."""
    asked: ClassVar[float] = 0.0
    """Share of the steps that read documents to be found by their titles and sections."""
    trains_kept_rows: ClassVar[bool]
    """Whether kept rows are trained too, and restored at the end."""

    @abstractmethod
    def knots(self, document: int) -> int:
        """Return how many knots the spline has that is trained in place of individual rows; 0 for rows."""

    @abstractmethod
    def is_searched(self, request: Request) -> bool:
        """Return whether validation documents choose the start of a longer table, and with it the kept rows."""

    @abstractmethod
    def choose_start(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the start of a longer table."""

    def target(self, request: Request, observer: Observer) -> tuple[DistillationTarget | None, tuple[str, ...]]:
        """Return what the vectors of long texts become like, if that is what is trained for, and why."""
        del request, observer
        return None, ()

    @abstractmethod
    def objective(self, parts: FrozenParts[Embedder], config: CalibrationConfig, texts: Texts) -> Objective:
        """Return the loss."""


class LikeChunks(Goal):
    """The vector of a long text becomes like those of its chunks; made documents are mixed in by ``config.hidden``.

    Documents are as long as those that will be read, if time and memory allow: a table that was trained on 1,024 tokens
    finds titles and sections of 2,048 less often than one that was trained on these (docs/measured/real-texts.md).
    """

    # While the learning rate is high the distance goes up and down; it falls with the rate, towards the last step.
    defaults = Defaults(
        steps=1000,
        batch=4,
        shift_rate=5e-3,
        row_rate=5e-3,
        held_out=32,
        held_out_tokens=_HELD_OUT_TOKENS,
        patience=None,
    )
    document = 2048
    # The other half reads passages from anywhere in the texts, which are more, and need no titles.
    asked = 0.5
    trains_kept_rows = False

    def knots(self, document: int) -> int:
        """Return one knot for every 16 positions of the longest training document, at least two."""
        return max(2, document // _KNOT_SPACING + 1)

    def is_searched(self, request: Request) -> bool:
        """Return ``False``: the rows that work alike are repeated, whatever documents say."""
        del request
        return False

    def choose_start(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the leading rows that work alike, repeated: as many as the caller says, or as the model shows."""
        size, keep = request.options.range, request.options.keep
        why: tuple[str, ...] = ()
        if size is None:
            size, why = self._working_rows(request, observer)
        return _repeated(size, keep, why)

    def target(self, request: Request, observer: Observer) -> tuple[DistillationTarget, tuple[str, ...]]:
        """Return the target that ranks titles and sections of the training texts best."""
        chosen, why = choose_target(request, observer)
        return chosen, (why,)

    def objective(self, parts: FrozenParts[Embedder], config: CalibrationConfig, texts: Texts) -> Objective:
        """Return the distance to the chunks' vectors, with as much of the other loss as is asked for."""
        usable = len(parts.stored) - parts.reserved
        target = parts.start.target or _BEFORE
        documents = load_documents(config.data, "train") if config.asked else []
        distilled = _loss(Distillation, parts, config, texts, usable=usable, target=target, documents=documents)
        if not config.hidden:
            return distilled
        return Mixture(distilled, _loss(Contrastive, parts, config, texts), config.hidden)

    def _working_rows(self, request: Request, observer: Observer) -> tuple[int, tuple[str, ...]]:
        """Return up to which position short texts keep what they say, wherever they start; all rows where none ends."""
        observer.message("moving positions, to see how many rows work alike")
        options = request.options
        try:
            found = working_range(
                request.checkpoint, request.table, options.data, options.seed, observer, device=request.device
            )
        except WorkFailedError:  # it cannot be run so: nothing is known, and calibration may go on all the same
            return request.old, ()
        return found.end or request.old, (found.sentence,)


class FindHidden(Goal):
    """Queries find the made document that hides their answer. It was the only objective of version 0.2.

    Its numbers were found by some forty trials on made validation documents. Individual rows are not trained: the
    shared vector learns what is common to all positions, and that holds for longer inputs.
    """

    defaults = Defaults(
        steps=250, batch=16, shift_rate=3.5e-3, row_rate=0.0, held_out=128, held_out_tokens=4 * _HELD_OUT_TOKENS
    )
    document = 1024  # what is learned there holds at 4,096 too (docs/measured/calibration.md)
    trains_kept_rows = True

    def knots(self, document: int) -> int:
        """Return 0: rows are trained."""
        del document
        return 0

    def is_searched(self, request: Request) -> bool:
        """Return whether the caller leaves open which rows are kept."""
        return request.stated_keep is None

    def choose_start(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the mean of the trained rows, behind the first one, unless rows are kept in the same table.

        One mean for all positions is the best table without training, and learns fastest; but kept rows do not go with
        it in one table, so those are repeated instead.
        """
        size, keep = request.options.range, request.options.keep
        averaged = request.options.length_aware or keep == 0
        if size is None:
            return self._searched(request, observer, SEARCHED if averaged else SEARCHED_TO_KEEP)
        if averaged:
            why = f"the mean of the first {size} rows, behind the first one"
            kept = size if keep is None else keep
            return CalibrationStart("mean", {"range": size, "keep": 1}, kept, size, (why,))
        return _repeated(size, keep, ())

    def objective(self, parts: FrozenParts[Embedder], config: CalibrationConfig, texts: Texts) -> Objective:
        """Return the loss of finding what is hidden."""
        return _loss(Contrastive, parts, config, texts)

    def _searched(self, request: Request, observer: Observer, methods: tuple[str, ...]) -> CalibrationStart:
        """Return the start that validation documents choose."""
        choice = search_method(
            request.checkpoint,
            request.length,
            data=request.options.data,
            device=request.device,
            precision=request.precision,
            seed=request.options.seed,
            length_aware=request.options.length_aware,
            methods=methods,
            must_be_better=False,
            trust_remote_code=request.options.trust_remote_code,
            observer=observer,
        )
        size, keep = choice.options["range"], request.options.keep
        kept = size if choice.method == "tile" else choice.options.get("keep", 0)
        if choice.short is not None:
            kept = choice.short
        return CalibrationStart(
            choice.method,
            dict(choice.options),
            kept if keep is None else keep,
            request.length if choice.method == "stretch" else size,
            choice.why,
        )


def goal_of(hidden: float) -> Goal:
    """Return the goal that a weight of made documents asks for; 1 leaves nothing else."""
    return FindHidden() if hidden == 1 else LikeChunks()


def _repeated(size: int, keep: int | None, why: tuple[str, ...]) -> CalibrationStart:
    kept = size if keep is None else keep
    return CalibrationStart("tile", {"range": size}, kept, size, (*why, f"the first {size} rows, repeated"))


def _loss(
    made: Callable[..., Objective], parts: FrozenParts[Embedder], config: CalibrationConfig, texts: Texts, **more: Any
) -> Objective:
    """Return a loss that reads the texts with the frozen model."""
    own, old = own_embedder(parts, config), old_table(parts)
    return made(own, config, old, train=texts["train"], validation=texts["validation"], at_once=parts.at_once, **more)


def own_embedder(parts: FrozenParts[Embedder], config: CalibrationConfig) -> Embedder:
    """Return an embedder that reads whatever table the frozen model is given."""
    return parts.loaded.with_model(parts.frozen, config.precision).by_cosine()


def old_table(parts: FrozenParts[Embedder]) -> Tensor:
    """Return a table of the new length with all the rows that are stored: kept rows, or the table of short inputs.

    It embeds chunks and, in the end, queries.
    """
    old = parts.rows.clone()
    old[: len(parts.stored)] = parts.stored
    return old
