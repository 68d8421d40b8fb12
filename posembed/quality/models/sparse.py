"""Sparse encoders (SPLADE): vectors with a weight for each entry of a vocabulary, most of them 0."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from scipy.sparse import csr_array
from torch import Tensor

from posembed.quality.models.embedder import Embedder
from posembed.quality.models.head import States
from posembed.quality.models.library import load_modules, require_library
from posembed.quality.models.memory import BatchSize
from posembed.quality.models.model_files import ModelFiles
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.prompts import read_prompts
from posembed.quality.models.similarity import read_similarity
from posembed.quality.models.stored_limit import stored_limit
from posembed.quality.texts import load_texts

# Tokens of each text that SpladePooling reads at once: its copy of their weights then takes an eighth of what the
# weights of a text of 512 tokens take.
POOLED_AT_ONCE = 64


class SparseEmbedder(Embedder):
    """Embed token ids with a sparse encoder: its vectors are kept as rows of a ``scipy.sparse.csr_array``.

    Vectors of 30,522 numbers would fill gigabytes where documents are cut into chunks; of a trained model's only some
    hundred are not 0.
    """

    def batch_size(self) -> BatchSize:
        """Return how much goes through the model at once: less where it gives the weights of every token."""
        weights = getattr(self.model, "get_output_embeddings", lambda: None)()
        return BatchSize(self.model, 0 if weights is None else int(weights.weight.shape[0]))

    def kept(self, vectors: Tensor) -> Any:
        """Return the vectors of a batch, ``[texts, d]``, as sparse rows."""
        return csr_array(super().kept(vectors))

    @torch.inference_mode()
    def _vectors(self, states: States) -> Tensor:
        """Return vectors without gradient: in training a SparseAutoEncoder computes what nobody asks for here."""
        return super()._vectors(states)


class SparseKind(ModelKind[Embedder]):
    """Sparse encoders of sentence-transformers."""

    name = "sparse"
    description = "a sparse encoder (SparseEncoder, SPLADE), whose vectors weigh a vocabulary"
    only_evaluated = True

    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return prose: a sparse encoder is asked in plain language."""
        return load_texts(data)

    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> Embedder:
        """Load a SparseEncoder by sentence-transformers."""
        return load_sparse(path, precision=precision, device=device, trust_remote_code=trust_remote_code)


def load_sparse(
    path: str | os.PathLike[str], *, precision: str = "fp32", device: str = "cpu", trust_remote_code: bool = False
) -> SparseEmbedder:
    """Load a SparseEncoder in float32, with its length-aware tables if it has some.

    Args:
        path: a directory that sentence-transformers reads as a SparseEncoder.
        precision: ``"bf16"`` or ``"fp32"``.
        device: where it runs, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `sentence_transformers` is not installed.
        InvalidArgumentError: for modules that make no vector of a text, or a distance that nothing is ranked by.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    require_library("evaluating a sparse encoder")
    files = ModelFiles.read(folder)
    similarity = read_similarity(files, "dot")
    model, tokenizer, head = load_modules(
        folder, device=device, trust_remote_code=trust_remote_code, loader="SparseEncoder"
    )
    for module in head.modules:
        if type(module).__name__ == "SpladePooling" and module.chunk_size is None:
            module.chunk_size = POOLED_AT_ONCE
    return SparseEmbedder(model, tokenizer, head, precision, stored_limit(folder), read_prompts(files), similarity)


SPARSE = SparseKind()
