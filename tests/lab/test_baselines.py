import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from posembed.corpus import load_corpus
from posembed.lab.baselines import baseline_losses
from posembed.windows import IGNORED, Windows, cut_windows, evaluation_task


def naive(corpus, windows, model):
    """Loops over tokens; probabilities from the formulas in words."""
    train = corpus.train.tolist()
    ones, firsts, pairs = Counter(train), Counter(train[:-1]), Counter(itertools.pairwise(train))
    _, targets = evaluation_task(windows, corpus, model)
    sums = {"unigram": [[] for _ in range(windows.documents)], "bigram": [[] for _ in range(windows.documents)]}
    for row, document, wanted in zip(windows.tokens.tolist(), windows.document, targets.tolist(), strict=True):
        for place, target in enumerate(wanted):
            if target == IGNORED:
                continue
            left = place if model == "decoder" else place - 1
            unigram = (ones[target] + 1) / (len(train) + corpus.vocab_size)
            bigram = unigram
            if left >= 0:
                bigram = (pairs[row[left], target] + unigram) / (firsts[row[left]] + 1)
            sums["unigram"][document].append(-math.log(unigram))
            sums["bigram"][document].append(-math.log(bigram))
    return {name: [np.mean(values) for values in parts] for name, parts in sums.items()}


@pytest.mark.parametrize("model", ["decoder", "encoder"])
def test_against_loops(corpus, model):
    windows = cut_windows(corpus.test, 16, 2, 8)
    found, expected = baseline_losses(corpus, windows, model), naive(corpus, windows, model)
    assert list(found) == ["unigram", "bigram"]
    for name, values in found.items():
        assert values.shape == (windows.documents,)
        np.testing.assert_allclose(values, expected[name], rtol=1e-12)
    assert found["bigram"].mean() < found["unigram"].mean() - 0.3


@pytest.mark.parametrize("left", [ord("t"), ord("q"), 0, 256])
def test_probabilities_sum_to_one(corpus, left):
    """Every token as the target after one left neighbor: seen, rare, never seen, the separator."""
    every = np.arange(corpus.vocab_size)
    windows = Windows(np.stack((np.full_like(every, left), every), axis=1), every, len(every))
    losses = baseline_losses(corpus, windows, "decoder")
    assert np.exp(-losses["unigram"]).sum() == pytest.approx(1.0, abs=1e-12)
    assert np.exp(-losses["bigram"]).sum() == pytest.approx(1.0, abs=1e-12)


def test_test_documents_do_not_count(corpus):
    windows = cut_windows(corpus.test, 16, 2, 8)
    other = replace(corpus, test=corpus.validation, validation=corpus.test)
    for name, values in baseline_losses(corpus, windows, "decoder").items():
        assert (values == baseline_losses(other, windows, "decoder")[name]).all()


def test_the_standard_library_in_bytes():
    corpus = load_corpus("stdlib")
    windows = cut_windows(corpus.test, 256, 4, 256)
    losses = {name: values.mean() for name, values in baseline_losses(corpus, windows, "decoder").items()}
    assert 3.2 < losses["unigram"] < 3.7
    assert 2.3 < losses["bigram"] < 2.8
