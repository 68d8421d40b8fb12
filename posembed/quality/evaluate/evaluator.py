"""What the evaluation of a kind of model must provide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT, Observer
from posembed.quality.models.model_kind import Loaded, LoadedModel
from posembed.quality.tasks.retrieval_set import DOCUMENTS
from posembed.records.evaluate import EvaluateOptions
from posembed.records.evaluation import EmbeddingResults, EvaluationSetup, LanguageResults

Results = TypeVar("Results", EmbeddingResults, LanguageResults)


class Evaluator(ABC, Generic[Loaded, Results]):
    """How one kind of model is evaluated; :mod:`posembed.quality.evaluate.evaluators` lists them by kind."""

    @abstractmethod
    def default_lengths(self, usable: int, original: int) -> tuple[int, ...]:
        """Return the document lengths to use where the caller names none.

        Args:
            usable: longest input of the checkpoint, in tokens.
            original: longest input of the original.
        """

    @abstractmethod
    def check(self, options: EvaluateOptions) -> None:
        """Refuse options that this kind of model cannot be evaluated with, before anything is loaded.

        Raises:
            InvalidArgumentError: naming the argument.
        """

    def reads_texts(self, _options: EvaluateOptions) -> bool:
        """Return whether the texts of ``data`` are read."""
        return True

    @abstractmethod
    def setup(
        self, options: EvaluateOptions, checkpoint: Loaded, original: Loaded, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return everything that decides the numbers.

        Args:
            options: with lengths and precision filled in.
            checkpoint: the model to evaluate.
            original: the model before it was extended.
            usable: longest input of the checkpoint and of the original.

        Raises:
            InvalidArgumentError: if the two models do not belong together, or a size fits neither.
        """

    @abstractmethod
    def measure(
        self,
        checkpoint: Loaded,
        original: Loaded,
        texts: Sequence[str],
        setup: EvaluationSetup,
        observer: Observer = SILENT,
    ) -> Results:
        """Measure the checkpoint and the baselines.

        Args:
            checkpoint: the model to evaluate.
            original: the model before it was extended; the same object where there was none.
            texts: held-out texts.
            setup: from :meth:`setup`.
            observer: receives messages.

        Raises:
            DataError: if there is too little text.
        """

    def notes(self, _: Results) -> tuple[str, ...]:
        """Return what the texts could not give, a sentence each."""
        return ()

    @abstractmethod
    def verdict(self, results: Results, *, compared: bool = True) -> tuple[str, ...]:
        """Return the results in plain sentences.

        Args:
            results: from :meth:`measure`.
            compared: whether there was an original.
        """

    def common_setup(self, options: EvaluateOptions, usable: tuple[int, int], **own: Any) -> EvaluationSetup:
        """Return the setup with what all kinds of model have in common.

        Args:
            options: with lengths and precision filled in.
            usable: longest input of the checkpoint and of the original.
            **own: fields that this kind of model adds.
        """
        assert options.lengths is not None
        return EvaluationSetup(
            data=options.data,
            lengths=options.lengths,
            documents=DOCUMENTS if options.documents is None else options.documents,
            seed=options.seed,
            precision=options.precision,
            usable_length=usable[0],
            original_usable_length=usable[1],
            **own,
        )


def require_same_vocabulary(checkpoint: LoadedModel, original: LoadedModel, *, same_width: bool = True) -> None:
    """Refuse an original that the checkpoint cannot have been made from.

    Args:
        checkpoint: the model to evaluate.
        original: the model before it was extended.
        same_width: whether the vectors of both are equally long.

    Raises:
        InvalidArgumentError: if tokenizers or widths differ.
    """
    if not same_width or checkpoint.tokenizer.get_vocab() != original.tokenizer.get_vocab():
        raise InvalidArgumentError(
            "`original` has another tokenizer or width than the checkpoint: give the model that was extended"
        )
