"""Losses of a trained lab model: in range, per position, and beyond the training length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from posembed.corpus import Corpus
from posembed.errors import PositionOutOfRangeError
from posembed.lab.config import FACTORS, TRAINABLE, UnitConfig
from posembed.lab.model import LabModel
from posembed.tables.extend import extend_table
from posembed.windows import IGNORED, Floats, Windows, cut_windows, document_means, evaluation_task

_TOKENS_PER_BATCH = 8192


class NonFiniteLossError(ArithmeticError):
    """A model that gives a token it predicts no finite loss: no mean over the others may hide that."""


@torch.no_grad()
def token_losses(model: LabModel, windows: Windows, corpus: Corpus, config: UnitConfig) -> Floats:
    """Nats of every predicted token, ``[windows, length]``, NaN where nothing is predicted; measured in float32.

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
    """The test windows at the training length."""
    return cut_windows(corpus.test, config.train_length, config.windows_per_document, config.evaluation_documents)


def evaluate_in_range(model: LabModel, config: UnitConfig, corpus: Corpus) -> dict[str, Any]:
    """Loss of each test document and of each position, at the training length."""
    windows = in_range_windows(config, corpus)
    losses = token_losses(model, windows, corpus, config)
    return {"documents": _plain(document_means(losses, windows)), "per_position": _per_position(losses, windows)}


def evaluate_beyond(model: LabModel, config: UnitConfig, corpus: Corpus) -> list[dict[str, Any]]:
    """Losses at and beyond the training length, all on the beginnings of the same windows.

    Encodings that have a value for every position are run as they are. A trainable table has no rows there: the
    error that follows is reported as it is, then the table is extended by each of ``tile`` and ``linear``.
    """
    lengths = {factor: round(factor * config.train_length) for factor in (1.0, *FACTORS)}
    entries: list[dict[str, Any]] = []
    windows = None
    for factor in sorted(lengths, reverse=True):
        found = cut_windows(corpus.test, lengths[factor], config.windows_per_document, config.evaluation_documents)
        if found.documents >= 2:
            windows = found
            break
        entries.append(
            {
                "factor": factor,
                "length": lengths[factor],
                "method": "unavailable",
                "message": f"{found.documents} test documents have {lengths[factor] + 1} tokens; 2 are needed",
            }
        )
        del lengths[factor]
    trained = None if model.table is None else model.table.detach().clone()
    for factor, length in lengths.items():
        assert windows is not None
        here = windows.prefix(length)
        try:
            entries.append(_entry(model, here, corpus, config, factor, "direct"))
        except PositionOutOfRangeError as error:
            entries.append({"factor": factor, "length": length, "method": "direct", "message": str(error)})
        if config.encoding in TRAINABLE and trained is not None and length > config.train_length:
            for method in ("tile", "linear"):
                table = extend_table(trained.cpu().numpy(), length, method=method)
                model.set_table(torch.from_numpy(table))
                entries.append(_entry(model, here, corpus, config, factor, method))
            model.set_table(trained)
    return sorted(entries, key=lambda entry: (entry["factor"], entry["method"] != "direct"))


def _entry(
    model: LabModel, windows: Windows, corpus: Corpus, config: UnitConfig, factor: float, method: str
) -> dict[str, Any]:
    losses = token_losses(model, windows, corpus, config)
    length = losses.shape[1]
    entry: dict[str, Any] = {
        "factor": factor,
        "length": length,
        "method": method,
        "documents": _plain(document_means(losses, windows)),
        "per_position": _per_position(losses, windows)["mean"],
    }
    if length > config.train_length:
        entry["documents_beyond"] = _plain(document_means(losses[:, config.train_length :], windows))
    return entry


def _per_position(losses: Floats, windows: Windows) -> dict[str, list[float | None]]:
    """Mean and standard error over documents at each position."""
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
    return {"mean": _plain(mean), "standard_error": _plain(error)}


def _plain(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
