"""The training objective of embedding models on real texts: one long vector like what the model says of the chunks.

A frozen model knows what each chunk of a long text means, since it was trained on texts of that size. The mean of these
vectors, and a share of the vector of the beginning, is a good vector of the whole. A table is trained until one pass
over the long text gives that vector, so no query, no label and no made sentence is needed. Each token is trained
towards the state that it has in its chunk, too: that is a thousand targets a passage in place of one.

In a part of the steps the passages are documents whose title, or the beginning of one of whose sections, was taken out:
their vectors are trained to be found by it, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posembed.quality.calibrate.asked import Asked, AskedDocuments, asked_loss
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.lengths import document_lengths, draw_length
from posembed.quality.calibrate.passages import Passage
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.table_reader import TableReader, Texts
from posembed.quality.calibrate.target import Vectors, target_vectors, tokens_read
from posembed.quality.documents.document import Document
from posembed.quality.models.embedder import Embedder
from posembed.quality.rng import generator
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import DistillationTarget

Passages = list[list[int]]
# Of the loss that tells passages apart, beside the distance to the target: a small share keeps vectors from moving
# towards the mean of all targets.
_CONTRAST, _TEMPERATURE = 0.1, 0.05
_BANK = 128  # targets of other passages that a step's vectors are told apart from; a batch alone is too few
# Of the tokens' mean distance. More than this would leave less to the vectors, which are what is compared
# (python -m benchmarks.calibration_trials).
_TOKENS = 1.0
# Of the loss that finds a document by its title or one of its sections, in the steps that read such documents.
_ASKED = 0.2
SHORT = 64  # tokens of the short passages that are trained too where queries read the trained rows


class Distillation:
    """Distance of long passages' vectors to those that the frozen model has for their chunks.

    Args:
        embedder: of a :class:`FrozenModel`.
        config: of the calibration.
        old: a table, ``[rows, d_model]``, whose leading rows are the source's: it embeds the chunks.
        usable: positions of the source's own table: no chunk is longer.
        target: sizes of the chunks and of the beginning, and the share of its vector.
        train: texts.
        validation: texts, disjoint from those.
        documents: the training texts with their titles and sections; read if ``config.asked`` is above 0.
        at_once: passages whose activations fit into memory together.

    Raises:
        DataError: if the texts are too short.
    """

    def __init__(
        self,
        embedder: Embedder,
        config: CalibrationConfig,
        old: Tensor,
        usable: int,
        target: DistillationTarget,
        train: Sequence[str],
        validation: Sequence[str],
        *,
        at_once: int,
        documents: Sequence[Document] = (),
    ) -> None:
        self.embedder, self.config, self.old = embedder, config, old
        self.model: FrozenModel = embedder.model
        self.reader = TableReader(embedder, at_once)
        self.chunk, self.beginning = (tokens_read(size, embedder, usable) for size in (target.chunk, target.beginning))
        self.share = target.share
        self.lengths = [*document_lengths(config), *([SHORT] if config.queries_trained else [])]
        self.train = Passage.all(train, embedder, "training")
        held_out = Passage.all(validation, embedder, "validation")
        rng = generator("distill", "validation", config.document, config.seed)
        sizes = [self.lengths[number % len(self.lengths)] for number in range(config.held_out)]
        self.held_out = [held_out.draw(size - embedder.special, rng) for size in sizes]
        self.held_out_targets = self.targets(self.held_out)
        rng = generator("distill", "bank", config.document, config.seed)
        self.bank = self.targets([self.train.draw(config.document - embedder.special, rng) for _ in range(_BANK)])
        asked = document_lengths(config) if config.asked else []
        self.asked = AskedDocuments(documents, embedder, asked, self.targets, config.seed)

    def batch(self, step: int) -> tuple[Passages, Asked | None]:
        """Return the passages of a step, and the queries that ask for them, if any; its number alone decides them."""
        rng, length, asks = self._drawn(step)
        if asks:
            asked = self.asked.draw(length, self.config.batch, rng)
            return asked.documents, asked
        return [self.train.draw(length - self.embedder.special, rng) for _ in range(self.config.batch)], None

    def tokens(self, step: int) -> int:
        """Return the number of tokens of a step's passages, special tokens included."""
        _, length, asks = self._drawn(step)
        return length * (min(self.config.batch, len(self.asked.excerpts[length])) if asks else self.config.batch)

    def _drawn(self, step: int) -> tuple[np.random.Generator, int, bool]:
        """Return a step's random numbers, the length of its passages, and whether these are asked for."""
        rng = generator("distill", "step", step, self.config.seed)
        length = draw_length(self.lengths, rng)
        return rng, length, length in self.asked.excerpts and rng.random() < self.config.asked

    def targets(self, passages: Texts) -> Tensor:
        """Return the unit vectors to be learned, ``[passages, d_model]``.

        A passage that fits into one chunk has the vector that the frozen model gives it.
        """
        with self.model.reading(self.old):
            return self._toward(self.embedder.embed_chunked(passages, self.chunk), passages)

    def targets_and_tokens(self, passages: Passages) -> tuple[Tensor, list[Tensor]]:
        """Return the unit vectors to be learned, and the state of each passage's tokens in their chunks.

        Returns:
            Vectors ``[passages, d]``, and for each passage its states ``[tokens, d_model]``.
        """
        chunks = self.embedder.cut(passages, self.chunk)
        ends = np.cumsum([len(parts) for parts in chunks])
        with self.model.reading(self.old):
            vectors, tokens = self.embedder.embed_with_tokens([chunk for parts in chunks for chunk in parts])
            targets = self._toward(self.embedder.means(vectors, chunks), passages)
        return targets, [torch.cat(tokens[end - len(parts) : end]) for parts, end in zip(chunks, ends, strict=True)]

    def _toward(self, means: Vectors, passages: Texts) -> Tensor:
        """Return the unit vectors to be learned, given the means of the chunks' vectors."""
        beginnings = self.embedder.embed_truncated(passages, self.beginning)
        return torch.from_numpy(target_vectors(means, beginnings, self.share)).to(self.old.device)

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the gradients of one step's loss to the table's parameters; return the loss."""
        passages, asked = self.batch(step)
        queries = None if asked is None else self.reader.embed(self.old, asked.queries, queries=True)
        targets, tokens = self.targets_and_tokens(passages)

        def of_tokens(number: int, states: Tensor) -> Tensor:
            return _TOKENS * token_distance(states, tokens[number]) / len(passages)

        def of_vectors(vectors: Tensor) -> Tensor:
            loss = distillation_loss(vectors, targets, self.bank)
            if asked is None or queries is None:
                return loss
            return loss + _ASKED * asked_loss(vectors, queries, asked.others, asked.own)

        with table.as_leaf() as leaf:
            return self.reader.backward(leaf, passages, of_vectors, of_tokens)

    def halve(self) -> bool:
        """Read half as many texts at once from now on; return ``False`` where it is one already."""
        return self.reader.halve()

    def validate(self, table: Tensor) -> float:
        """Return the mean distance of the validation passages' vectors to their targets."""
        vectors = self.reader.embed(table, self.held_out)
        return float((1 - (vectors * self.held_out_targets).sum(1)).mean())


def distillation_loss(vectors: Tensor, targets: Tensor, others: Tensor) -> Tensor:
    """Return the mean distance ``1 − cosine`` to the targets, and a tenth of a contrastive loss against all of them.

    Args:
        vectors: unit vectors, ``[batch, d_model]``.
        targets: theirs, in the same order.
        others: targets of other passages, ``[others, d_model]``.

    Example:
        >>> round(distillation_loss(torch.eye(2), torch.eye(2), -torch.eye(2)).item(), 6)
        0.0
    """
    distance = (1 - (vectors * targets).sum(1)).mean()
    scores = vectors @ torch.cat((targets, others)).T / _TEMPERATURE
    return distance + _CONTRAST * F.cross_entropy(scores, torch.arange(len(vectors), device=scores.device))


def token_distance(states: Tensor, targets: Tensor) -> Tensor:
    """Return the mean distance ``1 − cosine`` of a text's tokens to their targets, both ``[tokens, d_model]``.

    Example:
        >>> token_distance(torch.eye(2), 3 * torch.eye(2)).item()
        0.0
    """
    return (1 - F.cosine_similarity(states, targets, dim=-1)).mean()
