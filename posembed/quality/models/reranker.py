"""Rerankers: a CrossEncoder of sentence-transformers reads a query and a document together, and gives a score."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware import load_stored_tables
from posembed.quality.models.library import load_whole, require_library, unlimited
from posembed.quality.models.memory import BatchSize, device_of
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.padding import padded
from posembed.quality.models.prompts import PromptTokens
from posembed.quality.models.stored_limit import stored_limit
from posembed.quality.texts import load_texts

Tokens = Sequence[int]
Pair = tuple[Tokens, Tokens]
# Tasks of the Transformer module whose model reads its pair as a chat and answers yes or no.
_CHATS = ("text-generation", "any-to-any")


class PairTemplate:
    """How a tokenizer joins two texts to one input.

    Args:
        tokenizer: of the `tokenizers` package, without truncation and padding.
    """

    def __init__(self, tokenizer: Any) -> None:
        both = tokenizer.encode("a", "b")
        sides = list(both.sequence_ids)
        first = [place for place, side in enumerate(sides) if side == 0]
        second = [place for place, side in enumerate(sides) if side == 1]
        cuts = [0, first[0], first[-1] + 1, second[0], second[-1] + 1, len(sides)]
        parts = [slice(begin, end) for begin, end in pairwise(cuts)]
        self.before, _, self.between, _, self.after = ([both.ids[part], both.type_ids[part]] for part in parts)
        self.types = both.type_ids[first[0]], both.type_ids[second[0]]

    @property
    def special(self) -> int:
        """Number of special tokens around both."""
        return sum(len(ids) for ids, _ in (self.before, self.between, self.after))

    def join(self, first: Tokens, second: Tokens) -> tuple[list[int], list[int]]:
        """Return token ids, and to which text each belongs."""
        texts = ([list(text), [kind] * len(text)] for text, kind in zip((first, second), self.types, strict=True))
        one, other = texts
        parts = (self.before, one, self.between, other, self.after)
        return [token for ids, _ in parts for token in ids], [kind for _, kinds in parts for kind in kinds]


class Reranker:
    """Score pairs of a query and a document.

    Args:
        whole: a CrossEncoder with one score per pair.
        model: its Transformers model.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        precision: ``"bf16"`` or ``"fp32"``.
        stored_limit: tokens at which the model's files say that inputs are cut, special ones included.
    """

    def __init__(
        self, whole: Any, model: nn.Module, tokenizer: Any, precision: str = "fp32", stored_limit: int | None = None
    ) -> None:
        self.whole, self.model, self.tokenizer = whole.eval(), model, tokenizer
        self.precision, self.stored_limit = precision, stored_limit
        self._size = BatchSize(model)
        self.prompt = whole.prompts.get(whole.default_prompt_name) or "" if whole.default_prompt_name else ""
        self._template = PairTemplate(tokenizer)
        self._prompt = PromptTokens(self.prompt, tokenizer)
        self._typed = "token_type_ids" in getattr(whole[0].tokenizer, "model_input_names", ())

    @property
    def special(self) -> int:
        """Number of tokens around a query and its document, at most: special ones, and those of the prompt."""
        return self._template.special + self._prompt.size

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Tokens) -> str:
        """Return the text of token ids, without special tokens."""
        text: str = self.tokenizer.decode(list(ids))
        return text

    @torch.no_grad()
    def scores(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Return the score of each pair of a query and a document, as ``CrossEncoder.predict`` does, ``[pairs]``.

        Args:
            pairs: token ids without special tokens and prompt.
        """
        joined = [self._template.join(self._prompt.before(query), document) for query, document in pairs]
        found = np.zeros(len(pairs), dtype=np.float32)

        def read(batch: list[int]) -> None:
            found[batch] = self._batch([joined[number] for number in batch])

        self._size.batches([len(ids) for ids, _ in joined], read)
        return found

    def _batch(self, rows: Sequence[tuple[list[int], list[int]]]) -> NDArray[np.float32]:
        ids, mask = padded([own for own, _ in rows])
        features = {"input_ids": ids, "attention_mask": mask}
        if self._typed:
            features["token_type_ids"] = padded([kinds for _, kinds in rows])[0]
        device = device_of(self.model)
        given = {name: value.to(device) for name, value in features.items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            scores = self.whole({**given, "modality": "text"})["scores"].float()
        activated = self.whole.activation_fn(scores)
        return np.asarray(activated.reshape(len(rows)).cpu().numpy(), dtype=np.float32)


class RerankerKind(ModelKind[Reranker]):
    """CrossEncoders of sentence-transformers."""

    name = "reranker"
    description = "a reranker (a CrossEncoder), which scores pairs of texts and gives no vectors"
    only_evaluated = True

    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return prose: a reranker is asked in plain language."""
        return load_texts(data)

    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> Reranker:
        """Load a CrossEncoder by sentence-transformers."""
        return load_reranker(path, precision=precision, device=device, trust_remote_code=trust_remote_code)


def load_reranker(
    path: str | os.PathLike[str], *, precision: str = "fp32", device: str = "cpu", trust_remote_code: bool = False
) -> Reranker:
    """Load a CrossEncoder in float32, with its length-aware tables if it has some.

    Args:
        path: a directory that sentence-transformers reads as a CrossEncoder.
        precision: ``"bf16"`` or ``"fp32"``.
        device: where it runs, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `sentence_transformers` is not installed.
        InvalidArgumentError: for one with several scores, or one that reads its pair as a chat.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    require_library("evaluating a reranker")
    whole = load_whole("CrossEncoder", folder, trust_remote_code=trust_remote_code)
    first = whole[0]
    if getattr(first, "transformer_task", None) in _CHATS or "message" in getattr(first, "modality_config", {}):
        raise InvalidArgumentError(f"{folder} is a reranker that reads its pair as a chat, which is not evaluated")
    if whole.num_labels != 1:
        raise InvalidArgumentError(
            f"{folder} gives {whole.num_labels} scores for a pair: only a CrossEncoder with one can rank documents"
        )
    model = whole.model.eval().float()
    load_stored_tables(model, folder)
    whole.to(device)
    return Reranker(whole, model, unlimited(folder, first), precision, stored_limit(folder))


RERANKER = RerankerKind()
