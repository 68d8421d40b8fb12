"""Sentence-embedding models: vectors by pooling."""

from __future__ import annotations

import os
from pathlib import Path

from posembed.quality.models.embedder import Embedder, Pooling
from posembed.quality.models.loading import load_files
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.pooling import read_pooling
from posembed.quality.models.stored_limit import stored_limit
from posembed.quality.texts import load_texts


class EmbeddingKind(ModelKind[Embedder]):
    """Sentence-embedding models of Transformers and sentence-transformers."""

    name = "embedding"
    description = "a sentence-embedding model"

    def read_texts(self, data: str) -> dict[str, list[str]]:
        """Return prose: an embedding model is asked in plain language."""
        return load_texts(data)

    def load(
        self, path: str | os.PathLike[str], precision: str = "fp32", *, trust_remote_code: bool = False
    ) -> Embedder:
        """Load model, tokenizer and pooling, as sentence-transformers would put them together."""
        return load_embedder(path, precision=precision, trust_remote_code=trust_remote_code)


def load_embedder(
    path: str | os.PathLike[str],
    *,
    pooling: Pooling | None = None,
    precision: str = "fp32",
    trust_remote_code: bool = False,
) -> Embedder:
    """Load a sentence-embedding checkpoint: model, tokenizer and pooling.

    Args:
        path: a directory of Transformers or sentence-transformers files.
        pooling: in place of the checkpoint's own; by default that, or mean where it names none.
        precision: ``"bf16"`` or ``"fp32"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: for modules that only sentence-transformers itself can run.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    pooling = pooling or read_pooling(folder)
    model, tokenizer = load_files(folder, "AutoModel", trust_remote_code=trust_remote_code)
    return Embedder(model, tokenizer, pooling, precision, stored_limit(folder))


EMBEDDING = EmbeddingKind()
