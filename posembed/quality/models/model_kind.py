"""The interface of a kind of model: which texts it reads, how to load it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from posembed.records.choices import KindName


class LoadedModel(Protocol):
    """A model that has been loaded, with its tokenizer."""

    @property
    def model(self) -> Any:
        """The Transformers model."""

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, of the `tokenizers` package."""

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""


Loaded = TypeVar("Loaded", bound=LoadedModel)


class ModelKind(ABC, Generic[Loaded]):
    """One kind of model; :data:`posembed.quality.models.kinds.KINDS` lists them."""

    name: ClassVar[KindName]
    description: ClassVar[str]
    """The kind in words, with its article."""
    only_evaluated: ClassVar[bool] = False
    """Whether no search and no calibration knows what to train such a model for."""

    @abstractmethod
    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return the three sets of texts that a model of this kind reads.

        Raises:
            DataError: if there is nothing to read, or too little to split.
        """

    @abstractmethod
    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> Loaded:
        """Load a checkpoint's model and tokenizer.

        Args:
            path: a directory of Transformers or sentence-transformers files.
            precision: ``"bf16"`` or ``"fp32"``.
            device: where it runs, such as ``"cuda:0"``.
            trust_remote_code: run Python code of the checkpoint's own.

        Raises:
            MissingExtraError: if `transformers` is not installed.
            InvalidArgumentError: for a model that cannot be run, or files that lack a tokenizer.
            CheckpointError: for files that cannot be loaded.
        """
