"""Losses by position against models whose losses are known, and real ones against Transformers' own loss."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from posembed import evaluate, extend_checkpoint
from posembed.errors import DataError, InvalidArgumentError, WorkFailedError
from posembed.quality.evaluate.documents import cut_documents
from posembed.quality.evaluate.language import LanguageEvaluator, buckets, evaluate_language
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer
from posembed.records.evaluation import EvaluationSetup

VOCABULARY = 11


def setup(**changed):
    """A checkpoint of 128 positions, extended from 32."""
    usual = {"data": "texts", "lengths": (128,), "documents": 12, "seed": 0, "precision": "fp32"}
    return EvaluationSetup(**usual | {"usable_length": 128, "original_usable_length": 32} | changed)


def knows(context):
    """A model that is sure of a token if the same stood ``context`` tokens before, and knows nothing else."""

    def logits(ids):
        found = torch.zeros(*ids.shape, VOCABULARY)
        for place in range(ids.shape[1]):
            earlier = place + 1 - context
            if earlier >= 0:
                found[:, place, :] = 20.0 * torch.nn.functional.one_hot(ids[:, earlier], VOCABULARY)
        return found

    return logits


def repeating(documents, length, period):
    draw = np.random.default_rng(0)
    return np.stack([np.resize(draw.integers(0, VOCABULARY - 1, period), length) for _ in range(documents)])


def test_causal_losses_are_of_the_next_token():
    ids = repeating(3, 20, 5)
    found = Scorer(knows(5), CAUSAL).losses(ids, np.ones(ids.shape, bool))
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:5], np.log(VOCABULARY), atol=1e-5)
    assert (found[:, 5:] < 1e-6).all()


def test_masked_losses_see_no_chosen_token():
    seen = []

    def logits(ids):
        seen.append(ids.clone())
        return torch.zeros(*ids.shape, VOCABULARY)

    ids = repeating(2, 12, 4)
    chosen = np.zeros(ids.shape, bool)
    chosen[0, 3], chosen[1, [5, 7]] = True, True
    found = Scorer(logits, MASKED, mask_id=10).losses(ids, chosen)
    assert np.isfinite(found).sum() == 3
    assert torch.cat(seen)[torch.from_numpy(chosen)].tolist() == [10, 10, 10]
    np.testing.assert_array_equal(torch.cat(seen).numpy()[~chosen], ids[~chosen])


def test_a_window_misses_what_lies_before_it():
    ids = repeating(4, 64, 20)
    every = np.ones(ids.shape, bool)
    scorer = Scorer(knows(20), CAUSAL)
    near = sliding_losses(scorer, ids, every, 48)  # shows at least 24 tokens before each
    assert (near[:, 20:] < 1e-6).all()
    far = sliding_losses(scorer, ids, every, 16)
    np.testing.assert_allclose(far[:, 1:], np.log(VOCABULARY), atol=1e-5)
    np.testing.assert_array_equal(sliding_losses(scorer, ids, every, 64), scorer.losses(ids, every))


@pytest.mark.parametrize(("length", "window"), [(63, 16), (64, 16), (17, 16), (100, 7)])
def test_every_token_is_scored_once(length, window):
    ids = repeating(2, length, 9)
    causal = sliding_losses(Scorer(knows(3), CAUSAL), ids, np.ones(ids.shape, bool), window)
    assert np.isfinite(causal[:, 1:]).all()
    chosen = np.random.default_rng(1).random(ids.shape) < 0.4
    masked = sliding_losses(Scorer(knows(3), MASKED, 10), ids, chosen, window)
    np.testing.assert_array_equal(np.isfinite(masked), chosen)


@pytest.fixture(scope="module")
def judged():
    texts = [row.tolist() for row in repeating(12, 200, 40)]
    long, short = Scorer(knows(40), CAUSAL), Scorer(knows(3), CAUSAL)
    return evaluate_language(long, short, texts, setup(lengths=(32, 128)))


def test_context_gain_and_the_shuffled_control(judged):
    (gain,), (shuffled,) = judged.context_gain, judged.shuffled
    assert gain.length == shuffled.length == 128
    assert gain.low > 1
    assert gain.p_holm < 0.05
    assert shuffled.low > 0.5, "what stood 40 tokens before lies in the shuffled part"
    assert "significant gain" in LanguageEvaluator().verdict(judged)[0]


@pytest.mark.parametrize(("reach", "cost"), [(20, 0), (32, 0), (60, 1)])
def test_the_control_shuffles_only_what_the_old_length_never_showed(reach, cost):
    """A model that looks no further back than the old window must not pay for the shuffling."""
    texts = [row.tolist() for row in repeating(12, 200, reach)]
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


@pytest.mark.parametrize("kind", [CAUSAL, MASKED])
def test_a_loss_that_is_no_number_is_an_error(kind):
    def broken(ids):
        found = torch.zeros(*ids.shape, VOCABULARY)
        found[:, 40:] = float("nan")
        return found

    ids = repeating(2, 64, 5)
    with pytest.raises(WorkFailedError, match=r"no finite loss at position 4[01] of an input of 64 tokens"):
        Scorer(broken, kind, 10).losses(ids, np.ones(ids.shape, bool))


def test_a_model_without_use_of_the_context_gains_nothing():
    texts = [row.tolist() for row in repeating(12, 200, 40)]
    blind = Scorer(lambda ids: torch.zeros(*ids.shape, VOCABULARY), CAUSAL)
    found = evaluate_language(blind, blind, texts, setup(lengths=(128,)))
    assert found.context_gain[0].mean == pytest.approx(0, abs=1e-6)
    assert found.context_gain[0].p == 1
    assert "no significant difference" in LanguageEvaluator().verdict(found)[0]


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
    assert counts == {40: 12, 128: 5}  # of four pieces each
    with pytest.raises(DataError, match="have 128 tokens"):
        evaluate_language(long, short, texts, wanted)


def test_documents_that_are_too_short():
    with pytest.raises(DataError, match="1 of 2 test documents have 50 tokens, at least 2 are needed"):
        cut_documents([[1] * 20, [1] * 60], 50, 10, "test", 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    words = ("the", "cat", "dog", "sat", "on", "mat", "house", "under", "which", "word")
    for number in range(60):
        text = " ".join(words[(number + k * k * k) % len(words)] for k in range(700))
        (folder / f"{number}.txt").write_text(f"{text} {number}", encoding="utf-8")
    return str(folder)


@torch.no_grad()
def test_losses_are_transformers_own(example_checkpoints):
    scorer = Scorer.of(CAUSAL.load(example_checkpoints / "my-gpt2"))
    ids = np.random.default_rng(0).integers(5, 40, (2, 50))
    model = transformers.AutoModelForCausalLM.from_pretrained(example_checkpoints / "my-gpt2").eval()
    wanted = model(input_ids=torch.from_numpy(ids), labels=torch.from_numpy(ids)).loss
    found = scorer.losses(ids, np.ones(ids.shape, bool))
    assert np.nanmean(found) == pytest.approx(float(wanted), abs=1e-5)


def test_a_causal_checkpoint(example_checkpoints, tmp_path, data, cli):
    source = example_checkpoints / "my-gpt2"
    small = transformers.AutoModelForCausalLM.from_pretrained(source)
    from posembed import extend_model

    extend_model(small, 128, method="crop")
    small.save_pretrained(tmp_path / "short")
    (tmp_path / "short" / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    extend_checkpoint(tmp_path / "short", tmp_path / "long", 512, method="tile")
    found = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    assert (found.kind, found.configuration.lengths) == ("causal", (128, 256, 512))
    assert {cell.system for cell in found.results.cells} == {"checkpoint", "sliding window"}
    by_place = {(c.system, c.length): c.loss.mean for c in found.results.cells}
    assert by_place["checkpoint", 128] == pytest.approx(
        by_place["sliding window", 128], abs=1e-5
    )  # nothing changed yet
    assert [entry.length for entry in found.results.context_gain] == [256, 512]
    options = ["--original", tmp_path / "short", "--data", data, "--documents", 4, "--lengths", "256"]
    code, printed, _ = cli("evaluate", tmp_path / "long", *options)
    assert code == 0
    assert "Loss in nats per token at 256 tokens, by position" in printed
    code, printed, _ = cli("evaluate", tmp_path / "long", *options, "--json")
    assert json.loads(printed)["context_gain"][0]["length"] == 256


def test_a_masked_checkpoint(example_checkpoints, tmp_path, data):
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(example_checkpoints / "my-bert", max_position_embeddings=128)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "short")
    tokenizer = (example_checkpoints / "my-bert" / "tokenizer.json").read_bytes()
    (tmp_path / "short" / "tokenizer.json").write_bytes(tokenizer)
    extend_checkpoint(tmp_path / "short", tmp_path / "long", 256, method="linear")
    found = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    again = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    assert replace(found, created="") == replace(again, created="")
    assert found.kind == "masked"
    assert len(found.results.context_gain) == len(found.results.shuffled) == 1
    (tmp_path / "short" / "tokenizer.json").write_bytes(tokenizer.replace(b"[MASK]", b"[HIDE]"))
    with pytest.raises(InvalidArgumentError, match="has no mask token"):
        MASKED.load(tmp_path / "short")


def test_half_precision_is_taken_in_float32(example_checkpoints, tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(example_checkpoints / "my-gpt2").to(torch.float16)
    model.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((example_checkpoints / "my-gpt2" / "tokenizer.json").read_bytes())
    for precision in ("fp32", "bf16"):
        scorer = Scorer.of(CAUSAL.load(tmp_path, precision))
        assert np.isfinite(scorer.losses(np.full((1, 20), 7), np.ones((1, 20), bool))[:, 1:]).all()


def test_kinds_must_agree(example_checkpoints, data):
    with pytest.raises(InvalidArgumentError, match=r"is a sentence-embedding model, but its original .* is a causal"):
        evaluate(example_checkpoints / "my-embedder", original=example_checkpoints / "my-gpt2", data=data)
