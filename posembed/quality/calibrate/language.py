"""How causal and masked language models are calibrated: by their own loss on long inputs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from torch import Tensor

from posembed.observer import Observer
from posembed.quality.calibrate.memory import scored_at_once
from posembed.quality.calibrate.prediction import HiddenTokens, NextToken, Prediction, Target
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.start import start_as_it_is
from posembed.quality.calibrate.strategy import Defaults, FrozenParts, Strategy, Texts
from posembed.quality.models.language import LanguageModel
from posembed.quality.texts import is_one_file, joined
from posembed.records.calibrate import CalibrateOptions, CalibrationConfig
from posembed.records.calibration import CalibrationStart


class LanguageStrategy(Strategy[LanguageModel]):
    """Train a table so that long inputs are predicted well."""

    # Individual rows are trained too, and faster than the shared vector: order matters to a language model. The rates
    # are those of the method study (python -m benchmarks.method_study).
    defaults = Defaults(steps=400, batch=8, shift_rate=1e-3, row_rate=1e-2, held_out=64, held_out_tokens=32768)
    gives_logits = True

    @abstractmethod
    def target(self, loaded: LanguageModel) -> Target:
        """Return which tokens are predicted."""

    def settle(self, options: CalibrateOptions) -> CalibrateOptions:
        """Return the options; with length-aware tables no row need be kept, since short inputs read the old table."""
        if options.length_aware and options.keep is None and options.range is None:
            return replace(options, keep=0)
        return options

    def choose_start(self, request: Request, _: Observer, /) -> CalibrationStart:
        """Return the start: trained rows start between their neighbors, unless the caller has a range repeated.

        The model knows the order of stretched rows, but cannot tell repeated rows apart.
        """
        size, keep = request.options.range, request.options.keep
        if not request.grows:
            return start_as_it_is(request, share_rows=False)
        if size is None and keep is not None and keep < request.old:
            why = (
                f"the first {keep} rows as they are, the others stretched to the end" if keep else "all rows stretched"
            )
            return CalibrationStart("stretch", {"keep": keep}, keep, request.length, (why,))
        size = size or request.old
        kept = size if keep is None else keep
        return CalibrationStart("tile", {"range": size}, kept, request.length, (f"the first {size} rows, repeated",))

    def configuration(self, request: Request, start: CalibrationStart) -> CalibrationConfig:
        """Return the configuration: inputs as long as the table, or shorter ones spread over it.

        Raises:
            InvalidArgumentError: for sizes that do not fit each other.
        """
        length = request.length
        document = length if request.options.document is None else request.options.document
        return self._configured(
            request,
            start,
            document=document,
            read=length,
            keep=start.keep,
            train_kept_rows=False,
            above=0,
            queries_trained=False,
            spread=document < length,
            facts=0.0,
            hidden=0.0,
            knots=0,
            asked=0.0,
        )

    def short_inputs(self, _: int, old: int, /) -> int:
        """Return all old positions."""
        return old

    def objective(self, parts: FrozenParts[LanguageModel], config: CalibrationConfig, texts: Texts) -> Prediction:
        """Return the loss of predicting the texts' tokens."""
        frozen, reading = parts.frozen, replace(parts.loaded, model=parts.frozen)

        def logits(table: Tensor, ids: Tensor) -> Tensor:
            with frozen.reading(table):
                return reading.logits(ids)

        encoded = {split: [parts.loaded.encode(text) for text in texts[split]] for split in ("train", "validation")}
        if is_one_file(config.data):
            encoded = {split: joined(pieces, config.length) for split, pieces in encoded.items()}
        return Prediction(
            logits,
            self.target(parts.loaded),
            config,
            encoded["train"],
            encoded["validation"],
            reserved=parts.reserved,
            at_once=parts.at_once,
            scored_at_once=scored_at_once(parts.loaded.model, config.length),
        )


class CausalStrategy(LanguageStrategy):
    """Predict the next token."""

    def target(self, _: LanguageModel, /) -> Target:
        """Return the tokens that follow others."""
        return NextToken()


class MaskedStrategy(LanguageStrategy):
    """Predict hidden tokens."""

    def target(self, loaded: LanguageModel) -> Target:
        """Return the hidden tokens."""
        assert loaded.mask_id is not None  # its kind refuses a tokenizer without
        return HiddenTokens(loaded.mask_id)
