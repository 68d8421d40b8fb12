import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from posembed.lab import losses as evaluate
from posembed.lab.encodings import ENCODINGS as STRATEGIES
from posembed.lab.losses import (
    NonFiniteLossError,
    evaluate_beyond,
    evaluate_in_range,
    in_range_windows,
    token_losses,
)
from posembed.lab.model import LabModel
from posembed.records.compare import ENCODINGS
from posembed.tables.extend import extend_table
from posembed.windows import IGNORED, cut_windows, evaluation_task

TRAINABLE = {name for name, each in STRATEGIES.items() if each.trainable}


def made(config, corpus, **settings):
    """A model whose losses differ from token to token and from position to position."""
    own = config(**settings)
    model = LabModel(own, corpus.vocab_size)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(10)
    return model, own


def naive_losses(model, windows, corpus, kind):
    """One window at a time, one token at a time; NaN where nothing is predicted."""
    inputs, targets = evaluation_task(windows, corpus, kind)
    losses = np.full(inputs.shape, np.nan)
    for i, (row, wanted) in enumerate(zip(inputs, targets, strict=True)):
        with torch.no_grad():
            logits = model(torch.from_numpy(row)[None])[0].double()
        for j, target in enumerate(wanted):
            if target != IGNORED:
                losses[i, j] = -(logits[j, target] - logits[j].logsumexp(dim=0)).item()
    return losses


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
@pytest.mark.parametrize("tokens", [1, 50, 8192])
def test_token_losses_against_a_loop(config, corpus, monkeypatch, kind, tokens):
    monkeypatch.setattr(evaluate, "_TOKENS_PER_BATCH", tokens)
    model, own = made(config, corpus, model=kind)
    windows = in_range_windows(own, corpus)
    found = token_losses(model, windows, corpus, own)
    np.testing.assert_allclose(found, naive_losses(model, windows, corpus, kind), rtol=1e-4, atol=1e-5)
    assert np.isnan(found).any() == (kind == "encoder")
    assert found[np.isfinite(found)].std() > 0.1


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_in_range_against_loops(config, corpus, kind):
    model, own = made(config, corpus, model=kind)
    windows = in_range_windows(own, corpus)
    losses = naive_losses(model, windows, corpus, kind)
    found = evaluate_in_range(model, own, corpus)
    assert (windows.documents, len(windows.tokens)) == (8, 16)
    documents = [np.nanmean(losses[windows.document == d]) for d in range(8)]
    assert found.documents == pytest.approx(documents, rel=1e-4)
    means, errors = found.per_position.mean, found.per_position.standard_error
    assert len(means) == len(errors) == own.train_length
    gaps = 0
    for position in range(own.train_length):
        values = []
        for document in range(8):
            own_losses = losses[windows.document == document, position]
            own_losses = own_losses[np.isfinite(own_losses)]
            if len(own_losses):
                values.append(own_losses.mean())
        gaps += len(values) < 8
        assert means[position] == (pytest.approx(np.mean(values), rel=1e-4) if values else None)
        spread = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
        assert errors[position] == (None if spread is None else pytest.approx(spread, rel=1e-3))
    assert gaps == (0 if kind == "decoder" else pytest.approx(own.train_length, abs=4))


def key(entry):
    return entry.factor, entry.length, entry.method


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_which_lengths_and_methods(config, corpus, encoding):
    model, own = made(config, corpus, encoding=encoding)
    entries = evaluate_beyond(model, own, corpus)
    lengths = [(1.25, 20), (1.5, 24), (2.0, 32)]
    methods = ("direct", "tile", "linear") if encoding in TRAINABLE else ("direct",)
    assert [key(e) for e in entries] == [(1.0, 16, "direct"), *((*at, m) for at in lengths for m in methods)]
    for entry in entries:
        if encoding in TRAINABLE and entry.method == "direct" and entry.length > 16:
            assert set(entry.to_dict()) == {"factor", "length", "method", "message"}
            assert entry.message.startswith(f"position {entry.length - 1} has no row: the table has 16 rows")
            continue
        assert entry.message is None
        assert len(entry.documents) == 8
        assert len(entry.per_position) == entry.length
        assert (entry.documents_beyond is not None) == (entry.length > 16)


@pytest.mark.parametrize("encoding", ["learned", "alibi"])
@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_beyond_against_loops(config, corpus, encoding, kind):
    model, own = made(config, corpus, encoding=encoding, model=kind)
    trained = None if model.table is None else model.table.detach().clone()
    entries = evaluate_beyond(model, own, corpus)
    longest = cut_windows(corpus.test, 32, own.windows_per_document, own.evaluation_documents)
    measured = 0
    for entry in entries:
        if entry.message is not None:
            continue
        if entry.method != "direct":
            model.set_table(torch.from_numpy(extend_table(trained.numpy(), entry.length, method=entry.method)))
        windows = longest.prefix(entry.length)  # at every length the beginnings of the same windows
        losses = naive_losses(model, windows, corpus, kind)
        wanted = [np.nanmean(losses[windows.document == d]) for d in range(8)]
        assert entry.documents == pytest.approx(wanted, rel=1e-4)
        for document, value in enumerate(entry.documents_beyond or ()):
            past = losses[windows.document == document, 16:]
            assert value == (pytest.approx(np.nanmean(past), rel=1e-4) if np.isfinite(past).any() else None)
        measured += 1
        if trained is not None:
            model.set_table(trained)
    assert measured == (7 if encoding == "learned" else 4)


def test_the_trained_table_is_put_back(config, corpus):
    model, own = made(config, corpus, encoding="learned")
    before = model.table.detach().clone()
    evaluate_beyond(model, own, corpus)
    assert torch.equal(model.table, before)


def test_texts_that_are_too_short_are_said_so(config, corpus):
    second = sorted(map(len, corpus.test))[-2]
    length = round((second - 1) / 1.3)  # two texts reach 1.25 times it, but not 1.5 times
    model, own = made(config, corpus, encoding="none", train_length=length)
    entries = evaluate_beyond(model, own, corpus)
    assert [(e.factor, e.method) for e in entries] == [
        (1.0, "direct"),
        (1.25, "direct"),
        (1.5, "unavailable"),
        (2.0, "unavailable"),
    ]
    for entry, factor in zip(entries[2:], (1.5, 2.0), strict=True):
        own_length = round(factor * length)
        long_enough = sum(len(text) > own_length for text in corpus.test)
        assert entry.to_dict() == {
            "factor": factor,
            "length": own_length,
            "method": "unavailable",
            "message": f"{long_enough} test documents have {own_length + 1} tokens; 2 are needed",
        }
        assert long_enough < 2


def test_a_single_loss_that_is_not_finite_is_not_averaged_away(config, corpus):
    model, own = made(config, corpus, encoding="none")
    rare = next(token for token in range(256) if sum((text == token).sum() for text in corpus.test) == 0)
    one = replace(corpus, test=(corpus.test[0].copy(), *corpus.test[1:]))
    one.test[0][5] = rare
    with torch.no_grad():
        model.head.weight[rare] = float("inf")
    with pytest.raises(NonFiniteLossError, match="the loss of held-out tokens became non-finite"):
        token_losses(model, in_range_windows(own, one), one, own)
