"""Multi-vector models (ColBERT): a vector for each token, and scores by the best match of each of a query's tokens."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware import load_stored_tables
from posembed.quality.models.library import load_whole, require_library, unlimited
from posembed.quality.models.memory import BatchSize, device_of
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.padding import padded
from posembed.quality.models.prompts import PromptTokens
from posembed.quality.models.stored_limit import stored_limit
from posembed.quality.texts import load_texts
from posembed.tokenizing import special_tokens

Ids = Sequence[Sequence[int]]


class MultiVectorModel:
    """Score documents for queries by MaxSim, as the library does.

    Args:
        whole: a MultiVectorEncoder.
        model: its Transformers model.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        precision: ``"bf16"`` or ``"fp32"``.
        stored_limit: tokens at which the model's files say that documents are cut, special ones included.
    """

    def __init__(
        self, whole: Any, model: nn.Module, tokenizer: Any, precision: str = "fp32", stored_limit: int | None = None
    ) -> None:
        self.whole, self.model, self.tokenizer = whole.eval(), model, tokenizer
        self.precision = precision
        self.document_length: int | None = getattr(whole[0], "document_length", None)
        self.stored_limit = self.document_length or stored_limit
        self.prompts = {side: whole.prompts.get(side) or "" for side in ("query", "document")}
        self._prompt = PromptTokens(self.prompts["document"], tokenizer)
        self._prefix, self._suffix = special_tokens(tokenizer)
        self._size = BatchSize(model)

    @property
    def special(self) -> int:
        """Number of tokens around a document, at most: special ones, and those of its prompt."""
        return len(self._prefix) + self._prompt.size + len(self._suffix)

    @property
    def query_length(self) -> int | None:
        """Tokens at which the library cuts queries, special ones included; ``None`` where no file says."""
        expansion = getattr(self.whole[0], "query_expansion", None)
        if expansion is not None and expansion["strategy"] == "fixed":
            return int(expansion["length"])
        length: int | None = getattr(self.whole[0], "query_length", None)
        return length

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        text: str = self.tokenizer.decode(list(ids))
        return text

    def scores(self, queries: Ids, documents: Ids, limit: int | None = None) -> NDArray[np.float32]:
        """Return the score of each document for each query, ``[queries, documents]``.

        Args:
            queries: token ids without special tokens and prompt; the library cuts and expands them as it always does.
            documents: likewise; each is read whole, or cut to the limit.
            limit: tokens of the longest document, special ones included.
        """
        if limit is not None:
            documents = [document[: limit - self.special] for document in documents]
        scores = self.whole.similarity(self._queries(queries), self._documents(documents))
        return np.asarray(scores.cpu().numpy(), dtype=np.float32)

    def _queries(self, texts: Ids) -> list[Tensor]:
        with self._autocast():
            vectors = self.whole.encode_query([self.decode(text) for text in texts], show_progress_bar=False)
        return [each.float() for each in vectors]

    @torch.inference_mode()
    def _documents(self, texts: Ids) -> list[Tensor]:
        rows = [[*self._prefix, *self._prompt.before(text), *self._suffix] for text in texts]
        found: dict[int, Tensor] = {}

        def read(batch: list[int]) -> None:
            found.update(zip(batch, self._batch([rows[number] for number in batch]), strict=True))

        self._size.batches([len(row) for row in rows], read)
        return [found[number] for number in range(len(rows))]

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return the vectors that count in scores, of each document, ``[tokens, d]``."""
        ids, mask = padded(rows)
        device = device_of(self.model)
        features = {"input_ids": ids.to(device), "attention_mask": mask.to(device), "modality": "text"}
        with self._autocast():
            output = self.whole(features, task="document")
        counted = output["attention_mask"].bool()
        return [each[own].float() for each, own in zip(output["token_embeddings"], counted, strict=True)]

    def _autocast(self) -> Any:
        return torch.autocast(device_of(self.model).type, torch.bfloat16, enabled=self.precision == "bf16")


class MultiVectorKind(ModelKind[MultiVectorModel]):
    """Multi-vector encoders of sentence-transformers."""

    name = "multi-vector"
    description = "a multi-vector model (ColBERT), which gives one vector per token"
    only_evaluated = True

    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return prose: a multi-vector model is asked in plain language."""
        return load_texts(data)

    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> MultiVectorModel:
        """Load a MultiVectorEncoder by sentence-transformers."""
        return load_multi_vector(path, precision=precision, device=device, trust_remote_code=trust_remote_code)


def load_multi_vector(
    path: str | os.PathLike[str], *, precision: str = "fp32", device: str = "cpu", trust_remote_code: bool = False
) -> MultiVectorModel:
    """Load a MultiVectorEncoder in float32, with its length-aware tables if it has some.

    Args:
        path: a directory that sentence-transformers reads as a MultiVectorEncoder.
        precision: ``"bf16"`` or ``"fp32"``.
        device: where it runs, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `sentence_transformers` is not installed.
        InvalidArgumentError: for an installed version that has no such class, or a model that is not called with token
            ids.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    require_library("evaluating a multi-vector model")
    import sentence_transformers as library

    if not hasattr(library, "MultiVectorEncoder"):
        raise InvalidArgumentError(
            f"{folder} is {MULTI_VECTOR.description}; the installed sentence-transformers {library.__version__} has no "
            "class for it: install version 6.2 or newer"
        )
    whole = load_whole("MultiVectorEncoder", folder, trust_remote_code=trust_remote_code)
    model = getattr(whole[0], "auto_model", None)
    if not isinstance(model, nn.Module) or "message" in getattr(whole[0], "modality_config", {}):
        raise InvalidArgumentError(
            f"{folder} begins with a module that does not read token ids ({type(whole[0]).__name__}); supported are "
            "multi-vector models of texts that begin with a Transformer"
        )
    load_stored_tables(model.eval().float(), folder)
    whole.float().to(device)
    return MultiVectorModel(whole, model, unlimited(folder, whole[0]), precision, stored_limit(folder))


MULTI_VECTOR = MultiVectorKind()
