"""Calibrate sentence-embedding models: one vector of a long text like those of its chunks, or hidden facts found."""

from __future__ import annotations

from dataclasses import replace

from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.observer import Observer
from posembed.quality.behavior.probe import working_range
from posembed.quality.calibrate.contrastive import Contrastive
from posembed.quality.calibrate.distillation import Distillation
from posembed.quality.calibrate.documents import LONGEST_QUERY
from posembed.quality.calibrate.mixture import Mixture
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.start import start_as_it_is
from posembed.quality.calibrate.strategy import Defaults, FrozenParts, Strategy, Texts
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.embedder import Embedder
from posembed.quality.search.search import search_method
from posembed.records.calibrate import CalibrateOptions, CalibrationConfig
from posembed.records.calibration import CalibrationStart

# Tokens of the longest training document by default: what is learned there holds at 4,096 too (docs/measured/
# calibration.md), and longer documents take more time and memory.
_DOCUMENT = 1024
_LEAST_BATCH = 2  # a query is ranked against the other documents of its batch
# Methods whose start calibration knows how to continue; with kept rows in the same table, a mean does not go.
SEARCHED = ("tile", "stretch", "mean")
SEARCHED_TO_KEEP = ("tile", "stretch")
# The recipe for hidden facts was found by some forty trials on made validation documents. Individual rows are not
# trained: the shared vector learns what is common to all positions, and that holds for longer inputs.
_HIDDEN = Defaults(steps=250, batch=16, shift_rate=3.5e-3, row_rate=0.0, held_out=128, held_out_tokens=128 * _DOCUMENT)
# Knots of the spline over the positions of the longest training document, 16 tokens apart at 1,024: as many as are
# learned from some hundred steps of a few passages.
_KNOTS = 65


class EmbeddingStrategy(Strategy[Embedder]):
    """Train a table so that long documents are found; short queries are embedded by the kept rows or the old table."""

    defaults = Defaults(
        steps=1000, batch=4, shift_rate=5e-3, row_rate=5e-3, held_out=32, held_out_tokens=32 * _DOCUMENT
    )
    gives_logits = False

    def usual(self, options: CalibrateOptions) -> Defaults:
        """Return the defaults of the objective that is asked for."""
        return _HIDDEN if options.hidden == 1 else self.defaults

    def check(self, request: Request, *, resumed: bool) -> None:
        """Refuse settings that cannot work; with a start yet to be chosen, up to all old rows may be kept.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        if not self._start_is_searched(request):
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
        """Return the start: the mean of the trained rows, behind the first one, unless rows are kept in the same table.

        One mean for all positions is the best table without training, and learns fastest; but kept rows do not go with
        it in one table, so those are repeated instead.
        """
        if not request.grows:
            return start_as_it_is(request, share_rows=True)
        size, keep = request.options.range, request.options.keep
        if request.options.hidden < 1:
            return self._repeated(request, observer)
        averaged = request.options.length_aware or keep == 0
        if size is None:
            return self._searched_start(request, observer, SEARCHED if averaged else SEARCHED_TO_KEEP)
        kept = size if keep is None else keep
        if averaged:
            why = f"the mean of the first {size} rows, behind the first one"
            return CalibrationStart("mean", {"range": size, "keep": 1}, kept, size, (why,))
        return CalibrationStart("tile", {"range": size}, kept, size, (f"the first {size} rows, repeated",))

    def configuration(self, request: Request, start: CalibrationStart) -> CalibrationConfig:
        """Return the configuration: documents are longer than what reads no trained row.

        Raises:
            InvalidArgumentError: for sizes that do not fit each other.
        """
        options = request.options
        above = self.short_inputs(start.keep, request.old) if options.length_aware else 0
        kept = 0 if options.length_aware else start.keep  # the old rows have a table of their own
        usual = min(request.length, max(_DOCUMENT, 2 * max(kept, above)))
        document = usual if options.document is None else options.document
        config = self._configured(
            request,
            start,
            document=document,
            read=document,
            keep=kept,
            train_kept_rows=options.hidden == 1,
            above=above,
            queries_trained=kept < LONGEST_QUERY and not options.length_aware,
            spread=False,
            facts=options.facts,
            hidden=options.hidden,
            knots=_KNOTS if options.hidden < 1 else 0,
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
        """Return the distance to the chunks' vectors, the loss of finding what is hidden, or both."""
        own = parts.loaded.with_model(parts.frozen, config.precision).by_cosine()
        old = parts.rows.clone()
        old[: len(parts.stored)] = parts.stored  # what embeds queries in the end: kept rows, or the table of short ones
        train, validation, at_once = texts["train"], texts["validation"], parts.at_once
        if config.hidden == 1:
            return Contrastive(own, config, old, train, validation, at_once=at_once)
        usable = len(parts.stored) - parts.reserved
        distilled = Distillation(own, config, old, usable, train, validation, at_once=at_once)
        if not config.hidden:
            return distilled
        return Mixture(distilled, Contrastive(own, config, old, train, validation, at_once=at_once), config.hidden)

    def pooling(self, loaded: Embedder) -> str:
        """Return everything beside the model and its tokenizer that decides the vectors."""
        return loaded.pooling

    def _start_is_searched(self, request: Request) -> bool:
        return request.grows and request.stated_keep is None and request.options.hidden == 1

    def _repeated(self, request: Request, observer: Observer) -> CalibrationStart:
        """Return the leading rows that work alike, repeated: as many as the caller says, or as the model shows."""
        size, keep = request.options.range, request.options.keep
        why: tuple[str, ...] = ()
        if size is None:
            size, why = self._working_rows(request, observer)
        kept = size if keep is None else keep
        return CalibrationStart("tile", {"range": size}, kept, size, (*why, f"the first {size} rows, repeated"))

    def _working_rows(self, request: Request, observer: Observer) -> tuple[int, tuple[str, ...]]:
        """Return up to which position short texts keep what they say, wherever they start; all rows where none ends."""
        observer.message("moving positions, to see how many rows work alike")
        options = request.options
        try:
            found = working_range(request.checkpoint, request.table, options.data, options.seed, observer)
        except WorkFailedError:  # it cannot be run so: nothing is known, and calibration may go on all the same
            return request.old, ()
        return found.end or request.old, (found.sentence,)

    def _searched_start(self, request: Request, observer: Observer, methods: tuple[str, ...]) -> CalibrationStart:
        """Return the start that validation documents choose."""
        choice = search_method(
            request.checkpoint,
            request.length,
            data=request.options.data,
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
