"""Who chooses right, with models whose reach is known."""

import numpy as np
import pytest
import torch

from posembed.errors import WorkFailedError
from posembed.observer import Callbacks
from posembed.quality.evaluate import choosing
from posembed.quality.evaluate.choosing import add_choices, chosen_right, compare_systems, first, last
from posembed.quality.evaluate.next_sentence import OPTIONS, TOKENS, Choice
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer
from posembed.records.evaluation import DocumentInterval, LanguageResults, LossCell
from tests.quality.evaluate.test_language import setup

VOCABULARY = 211
LENGTH, WINDOW = 160, 40


def choices(count=24):
    """The answer's tokens stand once in the context, at its beginning; those of the others nowhere."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        tokens = rng.permutation(VOCABULARY - 11) + 10
        options = [tuple(map(int, part)) for part in tokens[: OPTIONS * TOKENS].reshape(OPTIONS, TOKENS)]
        answer = int(rng.integers(OPTIONS))
        filling = rng.integers(0, 10, LENGTH - 2 * TOKENS - 50).tolist()
        found.append(Choice((*rng.integers(0, 10, 50).tolist(), *options[answer], *filling), tuple(options), answer))
    return found


def remembers(ids):
    """Tokens that it has read are likelier than others, wherever they stood; those that are hidden say nothing."""
    logits = torch.zeros(*ids.shape, VOCABULARY)
    for row, own in enumerate(ids):
        seen = torch.zeros(VOCABULARY)
        for place, token in enumerate(own):
            seen[token] = 3.0
            logits[row, place] = seen
        if (own == VOCABULARY - 1).any():  # a masked model reads all at once
            logits[row] = seen
    return logits


def knows_nothing(ids):
    return torch.zeros(*ids.shape, VOCABULARY)


@pytest.mark.parametrize("kind", [CAUSAL, MASKED])
def test_the_far_part_decides(kind):
    """What reads it chooses right; the end and the beginning of an input of the old length do not have it."""
    scorer = Scorer(remembers, kind, VOCABULARY - 1)
    cells, differences = compare_systems(choices(), (scorer, scorer), LENGTH, WINDOW)
    rates = {cell.system: cell.accuracy.mean for cell in cells}
    assert rates["checkpoint"] == 1
    assert rates["sliding window"] < 0.4
    assert rates["truncated"] < 0.4
    assert [(each.first, each.second) for each in differences] == [
        ("checkpoint", "sliding window"),
        ("checkpoint", "truncated"),
    ]
    assert all(each.low > 0.3 and each.p < 0.001 and each.documents == 24 for each in differences)


def test_a_beginning_that_has_the_evidence_decides_too():
    scorer = Scorer(remembers, CAUSAL)
    assert chosen_right(scorer, choices(), first(70)).all()
    assert chosen_right(scorer, choices(), first(50)).mean() < 0.4
    assert chosen_right(scorer, choices(), last(70)).mean() < 0.4


def test_the_original_reads_no_more_than_it_takes():
    sizes = []

    def logits(ids):
        sizes.append(ids.shape[1])
        return remembers(ids)

    compare_systems(choices(2), (Scorer(remembers, CAUSAL), Scorer(logits, CAUSAL)), LENGTH, WINDOW)
    assert set(sizes) == {WINDOW}


def test_who_knows_nothing_chooses_nothing():
    """Equal losses are a miss: the place of the answer cannot help."""
    assert chosen_right(Scorer(knows_nothing, CAUSAL), choices(), last(LENGTH)).sum() == 0


def test_a_loss_that_is_not_finite():
    broken = Scorer(lambda ids: torch.full((*ids.shape, VOCABULARY), torch.nan), CAUSAL)
    with pytest.raises(WorkFailedError, match="no finite loss behind an input of 148 tokens"):
        chosen_right(broken, choices(1), last(LENGTH))


class Asked:
    def __init__(self, questions):
        self.questions, self.seen = questions, []

    def make(self, *sizes):
        self.seen.append(sizes)
        return tuple(self.questions[: sizes[2]])


def losses(length, documents=60, system="checkpoint"):
    return LossCell(length, system, documents, DocumentInterval(1.0, 1.0, 1.0), ())


def test_half_as_many_questions_as_windows(monkeypatch):
    asked, said = Asked(choices(40)), []
    scorer = Scorer(remembers, CAUSAL)
    results = LanguageResults((losses(32), losses(160), losses(320, system="sliding window")), (), ())
    wanted = setup(lengths=(32, 160, 320), usable_length=160, original_usable_length=WINDOW)
    found = add_choices(results, asked, (scorer, scorer), wanted, Callbacks(message=said.append))
    assert asked.seen == [(160, WINDOW, 30, "test", 0)]
    assert {(cell.length, cell.documents) for cell in found.choices} == {(160, 30)}
    assert [each.p_holm for each in found.choice_gain] == [2 * found.choice_gain[0].p] * 2
    assert (found.cells, found.shortages, said) == (results.cells, (), ["next sentence at 160 tokens"])
    assert choosing.SHARE == 0.5


def test_few_questions_are_left_out_and_said():
    scorer = Scorer(remembers, CAUSAL)
    results = LanguageResults((losses(160, 18),), (), ())
    wanted = setup(lengths=(160,), usable_length=160, original_usable_length=WINDOW)
    found = add_choices(results, Asked(choices(40)), (scorer, scorer), wanted)
    assert found.choices == found.choice_gain == ()
    (note,) = found.shortages
    assert note.startswith("the choice of the next sentence was not measured: 10 texts, and twice as many `documents`")
    assert note.endswith("farther back than 40 tokens; there are 9 at 160 tokens")
