"""Losses of a scorer whose model is known."""

import numpy as np
import pytest
import torch

from posembed.quality.evaluate.documents import cut_documents
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer
from posembed.quality.rng import generator
from posembed.quality.search.language.trial import LONGEST, LanguageTrial, input_lengths
from posembed.records.search import SearchOptions

TEXTS = [np.random.default_rng(number).integers(0, 9, 60).tolist() for number in range(12)]


class Table:
    """One number per position: what is added to the logit of token 0."""

    usable_length = 16
    positions = np.ones((16, 1))
    rows = torch.zeros(64)

    def restore(self):
        self.rows = torch.zeros(64)

    def put(self, method, options):
        self.rows = torch.full((64,), float(options["bias"]))
        return len(method)


def trial(kind=CAUSAL, **options):
    table = Table()

    def logits(ids):
        made = torch.zeros(*ids.shape, 10)
        made[..., 0] += table.rows[: ids.shape[1]]
        return made

    usual = {"documents": 8, "data": "stdlib", "precision": "fp32"}
    return LanguageTrial(Scorer(logits, kind, 9), table, [16, 32], TEXTS, SearchOptions(**usual | options))


def test_outcomes_are_mean_losses_of_documents():
    one = trial()
    one.prepare(8)
    plain, biased = one.run("abc", {"bias": 0}), one.run("ab", {"bias": 3})
    assert (plain.kept, biased.kept) == (3, 2)
    assert plain.values == pytest.approx({16: np.log(10), 32: np.log(10)})
    assert biased.worth < plain.worth < 0
    assert {n: len(each) for n, each in plain.outcomes.items()} == {16: 8, 32: 8}


def test_the_baseline_is_a_sliding_window_with_the_old_rows():
    one = trial()
    one.prepare(8)
    one.run("abc", {"bias": 5})
    baseline = one.baseline()
    for length, ids, chosen in one.inputs:
        np.testing.assert_allclose(baseline[length], np.nanmean(sliding_losses(one.scorer, ids, chosen, 16), axis=1))


@pytest.mark.parametrize("kind", [CAUSAL, MASKED])
def test_inputs_are_those_of_the_validation_set(kind):
    one = trial(kind, seed=4)
    one.prepare(6)
    for length, ids, chosen in one.inputs:
        np.testing.assert_array_equal(ids, cut_documents(TEXTS, length, 6, "validation", 4))
        wanted = kind.choose(ids.shape, generator("masks", "validation", length, 4))
        np.testing.assert_array_equal(chosen, wanted)


def test_pieces_of_one_file_are_joined(tmp_path):
    (tmp_path / "text.txt").write_text("a")
    one = trial(data=str(tmp_path / "text.txt"))
    one.lengths = [80]
    one.prepare(6)
    assert one.inputs[0][1].shape == (6, 80)  # two pieces each


@pytest.mark.parametrize(("documents", "counts"), [(None, (16, 64)), (8, (2, 8)), (40, (10, 40)), (3, (2, 3))])
def test_the_first_rounds_use_a_quarter_of_the_documents(documents, counts):
    assert trial(documents=documents).documents() == counts


def test_positions_are_the_table_s():
    assert trial().positions is Table.positions


@pytest.mark.parametrize(
    ("old", "new", "lengths"),
    [
        (512, 4096, [512, 1024]),
        (512, 768, [512, 768]),
        (64, 4096, [64, 1024]),
        (1024, 8192, [1024, 2048]),
        (2048, 3000, [2048, 3000]),
    ],
)
def test_inputs_are_at_most_twice_the_old_length_or_longest(old, new, lengths):
    assert input_lengths(old, new) == lengths
    assert LONGEST == 1024
