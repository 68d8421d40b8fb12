"""One document from all units; whole runs are in tests/commands/test_compare.py."""

import pytest

from posembed.lab.gather import build_comparison
from posembed.lab.train import run_unit
from posembed.records.comparison import SetSizes
from posembed.records.interval import Interval


@pytest.fixture(scope="module")
def done(config, corpus, tmp_path_factory):
    """Results of two encodings without a learned one among them."""
    folder = tmp_path_factory.mktemp("gather")
    units = [config(encoding=name, data_sha256=corpus.sha256) for name in ("rope", "none")]
    return {unit: run_unit(unit, folder / unit.name) for unit in units}


def test_without_learned_the_first_is_the_reference(done, corpus):
    results = build_comparison(list(done), done, {}, corpus)
    assert [(pair.first, pair.second) for pair in results.differences] == [("rope", "none")]
    assert results.verdict == (results.differences[0].verdict,)
    first, second = (arm.quality.mean for arm in results.arms)
    assert results.differences[0].mean == pytest.approx(first - second, abs=1e-12)


def test_the_text_and_the_windows(done, corpus):
    results = build_comparison(list(done), done, {}, corpus)
    assert results.corpus.documents == SetSizes(64, 8, 8)
    assert results.corpus.tokens.train == len(corpus.train) - 64  # without separators
    assert (results.evaluation.documents, results.evaluation.windows, results.evaluation.tokens) == (8, 16, 256)
    assert results.baselines.bigram.mean < results.baselines.unigram.mean
    assert isinstance(results.baselines.bigram, Interval)


def test_one_encoding_that_failed(done, corpus):
    rope, none = done
    results = build_comparison([rope, none], {none: done[none]}, {rope.name: "was killed"}, corpus)
    assert results.differences == ()
    assert results.verdict == ("rope: failed (rope-seed0: was killed)",)
    assert results.environment == done[none].environment
