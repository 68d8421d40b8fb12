"""Calibrate sentence-embedding models: one vector of a long text like those of its chunks, or hidden facts found."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from posembed.errors import InvalidArgumentError
from posembed.observer import Observer
from posembed.quality.calibrate.documents import LONGEST_QUERY
from posembed.quality.calibrate.goals import LikeChunks, goal_of, old_table, own_embedder
from posembed.quality.calibrate.held_out_tasks import HeldOutTasks
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.start import start_as_it_is
from posembed.quality.calibrate.strategy import Defaults, FrozenParts, Strategy, Texts
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.embedder import Embedder
from posembed.records.calibrate import CalibrateOptions, CalibrationConfig
from posembed.records.calibration import CalibrationStart, HeldOutTask

_LEAST_BATCH = 2  # a query is ranked against the other documents of its batch


class EmbeddingStrategy(Strategy[Embedder]):
    """Train a table so that long documents are found; short queries are embedded by the kept rows or the old table."""

    defaults = LikeChunks.defaults
    gives_logits = False

    def usual(self, options: CalibrateOptions) -> Defaults:
        """Return the defaults of what is trained for."""
        return goal_of(options.hidden).defaults

    def check(self, request: Request, *, resumed: bool) -> None:
        """Refuse settings that cannot work; with a start yet to be chosen, up to all old rows may be kept.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        if not (request.grows and goal_of(request.options.hidden).is_searched(request)):
            super().check(request, resumed=resumed)
            return
        plain = replace(request, options=replace(request.options, length_aware=False))
        super().check(plain, resumed=resumed)
        document, old = request.options.document, request.old
        if document is not None and document <= old and not resumed:
            raise InvalidArgumentError(
                f"document={document} must exceed {old}, because up to {old} leading rows may be kept (the number is "
                "chosen on validation data). To use shorter documents, set `range` or `keep`"
            )

    def choose_start(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the start: the table as it is, or a longer one; and what it is trained towards."""
        goal = goal_of(request.options.hidden)
        start = goal.choose_start(request, observer) if request.grows else start_as_it_is(request, share_rows=True)
        target, why = goal.target(request, observer)
        return replace(start, target=target, why=(*start.why, *why))

    def configuration(self, request: Request, start: CalibrationStart) -> CalibrationConfig:
        """Return the configuration: documents are longer than what reads no trained row.

        Raises:
            InvalidArgumentError: for sizes that do not fit each other.
        """
        options, goal = request.options, goal_of(request.options.hidden)
        above = self.short_inputs(start.keep, request.old) if options.length_aware else 0
        kept = 0 if options.length_aware else start.keep  # the old rows have a table of their own
        usual = min(request.length, max(goal.document, 2 * max(kept, above)))
        document = usual if options.document is None else options.document
        config = self._configured(
            request,
            start,
            document=document,
            read=document,
            keep=kept,
            train_kept_rows=goal.trains_kept_rows,
            above=above,
            queries_trained=kept < LONGEST_QUERY and not options.length_aware,
            spread=False,
            facts=options.facts,
            hidden=options.hidden,
            knots=goal.knots(document),
            asked=goal.asked,
        )
        if config.batch < _LEAST_BATCH:
            raise InvalidArgumentError(
                f"batch={config.batch} must be at least {_LEAST_BATCH}: each query is ranked against the other "
                "documents of its batch"
            )
        return config

    def short_inputs(self, kept: int, old: int) -> int:
        """Return the number of kept positions, or all old ones where a query would not fit.

        The last old rows may hardly be trained, so inputs that are longer than the kept rows are better off with the
        calibrated table.
        """
        return kept if LONGEST_QUERY <= kept <= old else old

    def objective(self, parts: FrozenParts[Embedder], config: CalibrationConfig, texts: Texts) -> Objective:
        """Return the loss of what is trained for."""
        return goal_of(config.hidden).objective(parts, config, texts)

    def held_out_tasks(
        self,
        parts: FrozenParts[Embedder],
        config: CalibrationConfig,
        table: Tensor,
        request: Request,
        observer: Observer,
    ) -> tuple[HeldOutTask, ...] | None:
        """Return how often documents are found by titles and sections; ``None`` where the table did not grow."""
        if not request.grows:
            return None
        tasks = HeldOutTasks(own_embedder(parts, config), old_table(parts), request, parts.start)
        return tasks.measure(table, observer, queries_trained=config.queries_trained)

    def pooling(self, loaded: Embedder) -> str:
        """Return everything beside the model and its tokenizer that decides the vectors."""
        return loaded.pooling
