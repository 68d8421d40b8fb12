"""Losses by position, context gain and the control, with models whose losses are known."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from posembed.errors import DataError, InvalidArgumentError
from posembed.observer import Callbacks
from posembed.quality.evaluate import language
from posembed.quality.evaluate.language import (
    Inputs,
    LanguageEvaluator,
    buckets,
    corrected,
    evaluate_language,
    loss_cell,
    loss_difference,
    shuffled_control,
)
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.language import LanguageModel
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer
from posembed.quality.rng import generator
from posembed.records.evaluate import EvaluateOptions
from posembed.records.evaluation import EvaluationSetup, LossDifference

VOCABULARY = 11


def setup(**changed):
    """A checkpoint of 128 positions, extended from 32."""
    usual = {"data": "texts", "lengths": (128,), "documents": 16, "seed": 0, "precision": "fp32"}
    return EvaluationSetup(**usual | {"usable_length": 128, "original_usable_length": 32} | changed)


def knows(context):
    """A model that is sure of a token if the same stood ``context`` tokens before, and knows nothing else."""

    def logits(ids):
        found = torch.zeros(*ids.shape, VOCABULARY)
        count = max(0, ids.shape[1] - context + 1)
        found[:, context - 1 :] = 20.0 * torch.nn.functional.one_hot(ids[:, :count], VOCABULARY)
        return found

    return logits


def repeating(documents, length, period):
    draw = np.random.default_rng(0)
    return np.stack([np.resize(draw.integers(0, VOCABULARY - 1, period), length) for _ in range(documents)])


def test_a_window_misses_what_lies_before_it():
    ids = repeating(4, 64, 20)
    every = np.ones(ids.shape, bool)
    scorer = Scorer(knows(20), CAUSAL)
    near = sliding_losses(scorer, ids, every, 48)  # shows at least 24 tokens before each
    assert (near[:, 20:] < 1e-6).all()
    far = sliding_losses(scorer, ids, every, 16)
    np.testing.assert_allclose(far[:, 1:], np.log(VOCABULARY), atol=1e-5)
    np.testing.assert_array_equal(sliding_losses(scorer, ids, every, 64), scorer.losses(ids, every))


@pytest.fixture(scope="module")
def judged():
    texts = [row.tolist() for row in repeating(16, 200, 40)]
    long, short = Scorer(knows(40), CAUSAL), Scorer(knows(3), CAUSAL)
    return evaluate_language(long, short, texts, setup(lengths=(32, 128)))


def test_context_gain_and_the_shuffled_control(judged):
    (gain,), (shuffled,) = judged.context_gain, judged.shuffled
    assert gain.length == shuffled.length == 128
    assert gain.low > 1
    assert gain.p_holm < 0.05
    assert shuffled.low > 0.5, "what stood 40 tokens before lies in the shuffled part"
    assert "significant gain" in LanguageEvaluator().verdict(judged)[1]


@pytest.mark.parametrize(("reach", "cost"), [(20, 0), (32, 0), (60, 1)])
def test_the_control_shuffles_only_what_the_old_length_never_showed(reach, cost):
    """A model that looks no further back than the old window must not pay for the shuffling."""
    texts = [row.tolist() for row in repeating(16, 200, reach)]
    scorer = Scorer(knows(reach), CAUSAL)
    found = evaluate_language(scorer, scorer, texts, setup(lengths=(128,)))
    assert (found.shuffled[0].mean > 0.2) == bool(cost)
    if not cost:
        assert found.shuffled[0].mean == 0


def test_a_length_without_a_far_part_has_no_control():
    texts = [row.tolist() for row in repeating(4, 100, 10)]
    scorer = Scorer(knows(10), CAUSAL)
    found = evaluate_language(scorer, scorer, texts, setup(lengths=(40,), usable_length=40, documents=4))
    assert found.shuffled == ()
    assert len(found.context_gain) == 1


def test_a_model_without_use_of_the_context_gains_nothing():
    texts = [row.tolist() for row in repeating(16, 200, 40)]
    blind = Scorer(lambda ids: torch.zeros(*ids.shape, VOCABULARY), CAUSAL)
    found = evaluate_language(blind, blind, texts, setup(lengths=(128,)))
    assert found.context_gain[0].mean == pytest.approx(0, abs=1e-6)
    assert found.context_gain[0].p == 1
    assert "no significant difference" in LanguageEvaluator().verdict(found)[1]


def test_buckets_cover_every_position_once():
    for window, length in ((32, 128), (512, 4096), (5, 7), (100, 30)):
        found = buckets(window, length)
        assert found[0][0] == 0
        assert found[-1][1] == length
        assert all(one[1] == other[0] for one, other in itertools.pairwise(found))


def test_pieces_of_one_text_are_joined():
    """20 pieces of 40 tokens have room for windows of 128, once they are one text again."""
    texts = repeating(20, 40, 10).tolist()
    short, long = Scorer(knows(2), CAUSAL), Scorer(knows(10), CAUSAL)
    wanted = setup(lengths=(40, 128))
    found = evaluate_language(long, short, texts, wanted, one_file=True)
    counts = {cell.length: cell.documents for cell in found.cells}
    assert counts == {40: 16, 128: 5}  # of four pieces each
    with pytest.raises(DataError, match="have 128 tokens"):
        evaluate_language(long, short, texts, wanted)


@pytest.mark.parametrize(
    ("usable", "original", "lengths"),
    [
        (2048, 512, (512, 1024, 2048)),
        (2047, 512, (512, 1024)),
        (512, 512, (512,)),
        (9999, 512, (512, 1024, 2048)),
        (256, 512, ()),
    ],
)
def test_lengths_are_doublings_of_the_original_s(usable, original, lengths):
    assert LanguageEvaluator().default_lengths(usable, original) == lengths


def test_two_documents_at_least():
    LanguageEvaluator().check(EvaluateOptions(documents=2))
    with pytest.raises(InvalidArgumentError, match="documents=1 must be at least 2"):
        LanguageEvaluator().check(EvaluateOptions(documents=1))


def test_the_original_must_have_the_same_vocabulary():
    one, two = (LanguageModel(CAUSAL, None, SimpleNamespace(get_vocab=lambda each=each: each)) for each in ("a", "b"))
    options = EvaluateOptions(lengths=(64,), precision="fp32")
    made = LanguageEvaluator().setup(options, one, one, (128, 64))
    assert (made.usable_length, made.original_usable_length, made.tasks, made.short) == (128, 64, None, None)
    with pytest.raises(InvalidArgumentError, match="another tokenizer"):
        LanguageEvaluator().setup(options, one, two, (128, 64))


def test_measure_encodes_and_scores(monkeypatch, tmp_path):
    (tmp_path / "one.txt").write_text("a", encoding="utf-8")
    seen = []
    monkeypatch.setattr(language, "evaluate_language", lambda *a, **k: seen.append((a, k)))
    asked = []
    monkeypatch.setattr(language, "add_choices", lambda *a: asked.append(a))
    tokenizer = SimpleNamespace(encode=lambda text, **_: SimpleNamespace(ids=[len(text)]))
    one, two = LanguageModel(CAUSAL, None, tokenizer, 1), LanguageModel(CAUSAL, None, None, 2)
    for data, one_file in (("stdlib", False), (str(tmp_path / "one.txt"), True)):
        LanguageEvaluator().measure(one, two, ["abc", "d"], setup(data=data))
        (first, second, tokens, _), named = seen.pop()
        _, questions, scorers, _, _ = asked.pop()
        assert (questions.texts, questions.one_file, scorers) == (["abc", "d"], one_file, (first, second))
        assert (first.mask_id, second.mask_id, tokens, named["one_file"]) == (1, 2, [[3], [1]], one_file)


def test_who_is_measured_at_which_length():
    texts = [row.tolist() for row in repeating(6, 400, 10)]
    scorer, said = Scorer(knows(10), CAUSAL), []
    wanted = setup(lengths=(32, 80, 128, 200), documents=6)
    found = evaluate_language(scorer, scorer, texts, wanted, observer=Callbacks(message=said.append))
    assert [(cell.system, cell.length) for cell in found.cells] == [
        ("sliding window", 32), ("checkpoint", 32), ("sliding window", 80), ("checkpoint", 80),
        ("sliding window", 128), ("checkpoint", 128), ("sliding window", 200),
    ]  # fmt: skip
    assert [each.length for each in found.context_gain] == [each.length for each in found.shuffled] == [80, 128]
    assert {each.documents for each in found.context_gain} == {6}
    assert said == [
        "sliding window at 32 tokens", "checkpoint at 32 tokens", "sliding window at 80 tokens",
        "checkpoint at 80 tokens", "shuffled control at 80 tokens", "sliding window at 128 tokens",
        "checkpoint at 128 tokens", "shuffled control at 128 tokens", "sliding window at 200 tokens",
    ]  # fmt: skip


def test_a_checkpoint_without_an_original_is_not_compared_with_itself():
    texts = [row.tolist() for row in repeating(6, 400, 10)]
    scorer, sizes = Scorer(knows(10), CAUSAL), setup(lengths=(32, 80), usable_length=32, documents=6)
    found = evaluate_language(scorer, scorer, texts, sizes)
    assert [(cell.system, cell.length) for cell in found.cells] == [("checkpoint", 32), ("sliding window", 80)]
    assert LanguageEvaluator().verdict(found, compared=False) == (
        "No original was given: how the checkpoint differs from it is not measured",
    )
    again = evaluate_language(scorer, Scorer(knows(10), CAUSAL), texts, sizes)
    assert [cell.system for cell in again.cells] == ["sliding window", "checkpoint", "sliding window"]


def test_the_order_of_the_lengths_does_not_matter():
    texts = [row.tolist() for row in repeating(6, 400, 10)]
    scorer = Scorer(knows(10), CAUSAL)
    found = evaluate_language(scorer, scorer, texts, setup(lengths=(200, 32, 128, 80), documents=6))
    assert [cell.length for cell in found.cells] == [200, 32, 32, 128, 128, 80, 80]
    assert [each.length for each in found.context_gain] == [128, 80]


def test_the_gain_is_past_the_old_length_alone():
    """Within it both read the same; the sliding window loses by what it cannot see."""
    texts = [row.tolist() for row in repeating(16, 200, 40)]
    long, short = Scorer(knows(40), CAUSAL), Scorer(knows(3), CAUSAL)
    (gain,) = evaluate_language(long, short, texts, setup()).context_gain
    ids = np.asarray([texts[0][:128]])
    chosen = np.ones(ids.shape, bool)
    losses = sliding_losses(short, ids, chosen, 32)[:, 32:] - long.losses(ids, chosen)[:, 32:]
    assert gain.mean == pytest.approx(losses.mean(), rel=0.2)


@pytest.mark.parametrize("kind", [CAUSAL, MASKED])
def test_the_control_shuffles_all_that_is_a_window_away(kind):
    """Of 100 tokens and a window of 32, the last 16 are scored; 84 − 32 = 52 are shuffled."""
    ids = np.random.default_rng(0).integers(0, 10, (3, 100))
    chosen = kind.choose(ids.shape, np.random.default_rng(1))
    seen = []

    def logits(part):
        seen.append(part[0].numpy().copy())
        return torch.zeros(*part.shape, VOCABULARY)

    scorer = Scorer(logits, kind, 10)
    direct = scorer.losses(ids, chosen)
    seen.clear()
    found = shuffled_control(scorer, Inputs(ids, chosen), direct, 32, np.random.default_rng(2))
    assert (found.length, found.documents, found.mean) == (100, 3, 0)
    assert len(seen) == (3 if kind is CAUSAL else 6), "a causal model's losses are known already"
    rng = np.random.default_rng(2)
    for row, part in zip(ids, seen[:3], strict=True):
        np.testing.assert_array_equal(part[:52], rng.permutation(row[:52]))
        np.testing.assert_array_equal(part[52:84], row[52:84])  # visible, as context


@pytest.mark.parametrize(("length", "control"), [(49, False), (50, True)])
def test_at_least_two_tokens_are_shuffled(length, control):
    """A window of 32 leaves length − 48 tokens."""
    ids = np.zeros((2, length), dtype=np.int64)
    scorer = Scorer(knows(3), CAUSAL)
    inputs = Inputs(ids, np.ones(ids.shape, bool))
    direct = scorer.losses(ids, inputs.chosen)
    assert (shuffled_control(scorer, inputs, direct, 32, np.random.default_rng(0)) is not None) == control


def test_masks_and_shuffles_follow_from_the_length_and_the_seed():
    texts = [row.tolist() for row in repeating(4, 100, 10)]
    seen = []

    def logits(part):
        seen.append(part[0].numpy().copy())
        return torch.zeros(*part.shape, VOCABULARY)

    scorer = Scorer(logits, MASKED, 10)
    evaluate_language(scorer, scorer, texts, setup(lengths=(64,), usable_length=64, documents=4))
    hidden = MASKED.choose((4, 64), generator("masks", "test", 64, 0))
    windows = 3  # of 32 tokens, by halves, for each of the documents
    for row, part in zip(hidden, seen[4 * windows : 4 * windows + 4], strict=True):
        np.testing.assert_array_equal(part == 10, row)


@pytest.mark.parametrize(
    ("window", "length", "wanted"),
    [
        (8, 20, [(0, 2), (2, 4), (4, 8), (8, 16), (16, 20)]),
        (512, 512, [(0, 128), (128, 256), (256, 512)]),
        (2, 3, [(0, 1), (1, 2), (2, 3)]),
        (8, 2, [(0, 2)]),
    ],
)
def test_buckets_begin_at_a_quarter_of_the_window(window, length, wanted):
    assert buckets(window, length) == wanted


def test_a_cell_has_means_over_documents_and_over_positions():
    losses = np.array([[np.nan, 1.0, 2.0, 3.0], [np.nan, np.nan, np.nan, 8.0]])
    cell = loss_cell("checkpoint", 4, losses)
    assert (cell.system, cell.length, cell.documents, cell.loss.mean) == ("checkpoint", 4, 2, 5.0)
    assert [(part.begin, part.end, part.loss) for part in cell.buckets] == [(0, 1, None), (1, 2, 1.0), (2, 4, 13 / 3)]
    assert cell.to_dict()["buckets"][2] == {"from": 2, "to": 4, "loss": 13 / 3}


def test_differences_are_over_tokens_that_both_predict():
    first = np.array([[1.0, 5.0, np.nan], [2.0, 4.0, 6.0], [np.nan, 1.0, np.nan]])
    second = np.array([[0.5, np.nan, 9.0], [1.0, 1.0, 1.0], [1.0, np.nan, 1.0]])
    found = loss_difference(7, first, second)
    assert (found.length, found.documents, found.mean) == (7, 2, pytest.approx((0.5 + 3) / 2))
    assert found.p == found.p_holm == 0.5


def test_p_values_are_corrected_together():
    made = [LossDifference(n, 0.1, 0.0, 0.2, p, 9, p) for n, p in ((64, 0.01), (128, 0.04), (256, 0.03))]
    assert [(each.length, each.p, each.p_holm) for each in corrected(made)] == [
        (64, 0.01, 0.03), (128, 0.04, 0.06), (256, 0.03, 0.06),
    ]  # fmt: skip


def test_the_verdict(judged):
    use, first, second = LanguageEvaluator().verdict(judged)
    assert use == "At 128 tokens: use the longer input; it does better than a sliding window of the original"
    gain = judged.context_gain[0]
    assert first == (
        f"At 128 tokens the longer input gains {gain.mean:+.3f} nats per token over a sliding window ({gain.low:+.3f} "
        f"to {gain.high:+.3f}), corrected p {gain.p_holm:.2g}: significant gain"
    )
    assert second.startswith("At 128 tokens shuffling the far context costs +")
    nothing = evaluate_language(
        Scorer(knows(3), CAUSAL), Scorer(knows(3), CAUSAL), [[1] * 40] * 2, setup(lengths=(32,), documents=2)
    )
    assert LanguageEvaluator().verdict(nothing) == (
        "No input was longer than the original takes: there is nothing to compare",
    )
