"""Measure the loss of a trained lab model: in range, per position, and beyond the training length."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from posembed.corpus import Corpus
from posembed.errors import PositionOutOfRangeError
from posembed.lab.config import FACTORS, UnitConfig
from posembed.lab.model import LabModel
from posembed.lab.unit_result import InRange, UnitBeyond, Values
from posembed.records.comparison import PositionLosses
from posembed.tables.extend import extend_table
from posembed.windows import IGNORED, Floats, Windows, cut_windows, document_means, evaluation_task

Method = Literal["direct", "tile", "linear"]
EXTENSIONS: tuple[Method, ...] = ("tile", "linear")
"""Methods that extend a trained table: periodic copies, and interpolation, the simplest of each kind."""
_TOKENS_PER_BATCH = 8192  # bounds the memory of an evaluation; another value can change the last bits of a loss
_LEAST_DOCUMENTS = 2  # fewer give no interval


class NonFiniteLossError(ArithmeticError):
    """The loss of a predicted token is not finite; a mean over the other tokens must not hide that."""


@torch.no_grad()
def token_losses(model: LabModel, windows: Windows, corpus: Corpus, config: UnitConfig) -> Floats:
    """Return the loss of every predicted token in nats, ``[windows, length]``; NaN where nothing is predicted.

    Logits are taken in float32, whatever precision the model was trained in.

    Raises:
        NonFiniteLossError: if the loss of a predicted token is not finite.
    """
    inputs, targets = evaluation_task(windows, corpus, config.model)
    device = next(model.parameters()).device
    size = max(1, _TOKENS_PER_BATCH // max(1, inputs.shape[1]))
    losses = np.full(inputs.shape, np.nan)
    model.eval()
    for begin in range(0, len(inputs), size):
        part = slice(begin, begin + size)
        wanted = torch.from_numpy(targets[part].ravel())
        only = (wanted != IGNORED).nonzero()[:, 0]
        logits = model(torch.from_numpy(inputs[part]).to(device), only.to(device)).float()
        values = F.cross_entropy(logits, wanted[only].to(device), reduction="none").cpu().double().numpy()
        if not np.isfinite(values).all():
            raise NonFiniteLossError("the loss of held-out tokens became non-finite")
        losses[part].reshape(-1)[only.numpy()] = values
    model.train()
    return losses


def in_range_windows(config: UnitConfig, corpus: Corpus) -> Windows:
    """Return the test windows at the training length."""
    return cut_windows(corpus.test, config.train_length, config.windows_per_document, config.evaluation_documents)


def evaluate_in_range(model: LabModel, config: UnitConfig, corpus: Corpus) -> InRange:
    """Return the loss of each test document and of each position, at the training length."""
    windows = in_range_windows(config, corpus)
    losses = token_losses(model, windows, corpus, config)
    return InRange(_plain(document_means(losses, windows)), _per_position(losses, windows))


def evaluate_beyond(model: LabModel, config: UnitConfig, corpus: Corpus) -> tuple[UnitBeyond, ...]:
    """Return losses at and beyond the training length, all on the beginnings of the same windows.

    Encodings that have a value for every position are run as they are. A trainable table has no rows there: the error
    is recorded as it is, then the table is extended by each of ``tile`` and ``linear``.
    """
    lengths = {factor: round(factor * config.train_length) for factor in (1.0, *FACTORS)}
    entries: list[UnitBeyond] = []
    windows = None
    for factor in sorted(lengths, reverse=True):
        candidates = cut_windows(corpus.test, lengths[factor], config.windows_per_document, config.evaluation_documents)
        if candidates.documents >= _LEAST_DOCUMENTS:
            windows = candidates
            break
        length = lengths.pop(factor)
        message = f"{candidates.documents} test documents have {length + 1} tokens; {_LEAST_DOCUMENTS} are needed"
        entries.append(UnitBeyond(factor, length, "unavailable", message))
    trained = None if model.table is None else model.table.detach().clone()
    for factor, length in lengths.items():
        assert windows is not None
        here = windows.prefix(length)
        try:
            entries.append(_measure(model, here, corpus, config, factor, "direct"))
        except PositionOutOfRangeError as error:
            entries.append(UnitBeyond(factor, length, "direct", str(error)))
        if trained is not None and length > config.train_length:
            for method in EXTENSIONS:
                table = extend_table(trained.cpu().numpy(), length, method=method)
                model.set_table(torch.from_numpy(table))
                entries.append(_measure(model, here, corpus, config, factor, method))
            model.set_table(trained)
    return tuple(sorted(entries, key=lambda entry: (entry.factor, entry.method != "direct")))


def _measure(
    model: LabModel, windows: Windows, corpus: Corpus, config: UnitConfig, factor: float, method: Method
) -> UnitBeyond:
    losses = token_losses(model, windows, corpus, config)
    trained, length = config.train_length, losses.shape[1]
    return UnitBeyond(
        factor,
        length,
        method,
        documents=_plain(document_means(losses, windows)),
        per_position=_per_position(losses, windows).mean,
        documents_beyond=_plain(document_means(losses[:, trained:], windows)) if length > trained else None,
    )


def _per_position(losses: Floats, windows: Windows) -> PositionLosses:
    """Return mean and standard error over documents at each position."""
    predicted = np.isfinite(losses)
    total = np.zeros((windows.documents, losses.shape[1]))
    count = np.zeros_like(total)
    np.add.at(total, windows.document, np.where(predicted, losses, 0.0))
    np.add.at(count, windows.document, predicted)
    means = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    present = np.isfinite(means)
    number = present.sum(axis=0)
    filled = np.where(present, means, 0.0)
    mean = np.divide(filled.sum(axis=0), number, out=np.full(len(number), np.nan), where=number > 0)
    squares = np.where(present, (filled - mean) ** 2, 0.0).sum(axis=0)
    error = np.sqrt(np.divide(squares, (number - 1) * number, out=np.full(len(number), np.nan), where=number > 1))
    return PositionLosses(_plain(mean), _plain(error))


def _plain(values: Floats) -> Values:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
