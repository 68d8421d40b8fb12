"""Scores of pairs are those of sentence-transformers, which saved the models."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from posembed import extend_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from posembed.extension import length_aware
from posembed.quality.models import memory
from posembed.quality.models import reranker as module
from posembed.quality.models.library import has_library
from posembed.quality.models.reranker import RERANKER, PairTemplate, load_reranker
from tests.fixtures.small_models import WORDS

pytestmark = [
    pytest.mark.skipif(not has_library(), reason="no sentence-transformers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def save(example_checkpoints, embedder, masked, tmp_path_factory):
    """``save(name, **settings)``: a random CrossEncoder of a BERT or a RoBERTa of 64 positions."""
    from sentence_transformers import CrossEncoder

    def saved(name="bert", **settings):
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("reranker") / "model"
        source = {"bert": embedder, "roberta": masked}[name]
        model = CrossEncoder(str(source), device="cpu", **{"num_labels": 1} | settings)
        torch.nn.init.normal_(
            model.model.classifier.weight if name == "bert" else model.model.classifier.out_proj.weight
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(model), "_create_model_card", lambda *_, **__: None)
            model.save_pretrained(str(folder))
        return folder

    return saved


def pairs(longest):
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (4, 20), (10, 3), (6, longest - 6)]
    return [tuple(" ".join(rng.choice(WORDS, size)) for size in both) for both in sizes]


def wanted(folder, some):
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    model.max_seq_length = 128
    return model.predict(some, show_progress_bar=False)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bert", {}),
        ("roberta", {}),
        ("bert", {"activation_fn": torch.nn.Identity()}),
        ("bert", {"prompts": {"ask": f"{WORDS[7]} "}, "default_prompt_name": "ask"}),
    ],
)
def test_scores_equal_the_library_s(save, tmp_path, name, settings):
    folder = save(name, **settings)
    extend_checkpoint(folder, tmp_path / "new", 128, method="stretch")
    for place, longest in ((folder, 55), (tmp_path / "new", 115)):
        found, some = load_reranker(place), pairs(longest)
        scores = found.scores([tuple(map(found.encode, pair)) for pair in some])
        np.testing.assert_allclose(scores, wanted(place, some), atol=2e-6)
        assert np.ptp(scores) > 1e-4


def test_what_stands_around_a_pair(save):
    found = load_reranker(save())
    assert found.special == len(found.tokenizer.encode("a", "b").ids) - 2
    prompted = load_reranker(save(prompts={"ask": f"{WORDS[7]} "}, default_prompt_name="ask"))
    assert prompted.special == found.special + 1
    assert (found.prompt, prompted.prompt) == ("", f"{WORDS[7]} ")
    assert found.decode(found.encode(" ".join(WORDS[:3]))) == " ".join(WORDS[:3])


def test_a_template_with_several_special_tokens_between():
    both = SimpleNamespace(
        ids=[0, 7, 2, 2, 8, 2], type_ids=[0, 0, 0, 0, 1, 1], sequence_ids=[None, 0, None, None, 1, None]
    )
    template = PairTemplate(SimpleNamespace(encode=lambda *_: both))
    assert template.special == 4
    assert template.join([5, 6], [9]) == ([0, 5, 6, 2, 2, 9, 2], [0, 0, 0, 0, 0, 1, 1])
    assert template.join([], []) == ([0, 2, 2, 2], [0, 0, 0, 1])


def test_the_order_is_kept_whatever_the_batches_are(save, monkeypatch):
    found = load_reranker(save())
    some = [tuple(map(found.encode, pair)) for pair in pairs(50)]
    together = found.scores(some)
    monkeypatch.setattr(memory, "TOKENS_PER_BATCH", 1)
    np.testing.assert_allclose(found.scores(some), together, atol=1e-6)


def test_half_precision(save):
    found = RERANKER.load(save(), "bf16")
    seen = []
    found.model.bert.register_forward_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    found.scores([([5], [6])])
    assert seen == [True]


def test_several_scores_do_not_rank(save):
    with pytest.raises(InvalidArgumentError, match="gives 3 scores for a pair: only a CrossEncoder with one"):
        load_reranker(save(num_labels=3))


def test_a_chat_is_not_evaluated(tmp_path, monkeypatch):
    import sentence_transformers

    first = SimpleNamespace(transformer_task="text-generation", modality_config={})
    monkeypatch.setattr(sentence_transformers, "CrossEncoder", lambda *_, **__: [first])
    with pytest.raises(InvalidArgumentError, match="reads its pair as a chat"):
        load_reranker(tmp_path)


def test_files_that_do_not_load(save, tmp_path):
    folder = shutil.copytree(save(), tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="broken cannot be loaded"):
        load_reranker(folder)


def test_the_library_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"evaluating a reranker needs .*posembed\[quality\]"):
        load_reranker(tmp_path)


def test_length_aware_tables_are_loaded(save, monkeypatch):
    folder, seen = save(), []
    monkeypatch.setattr(
        length_aware, "load_length_aware", lambda model, place: seen.append((type(model).__name__, place))
    )
    (folder / "length_aware.safetensors").write_bytes(b"")
    load_reranker(folder)
    assert seen == [("BertForSequenceClassification", folder)]


def test_prose_is_read(monkeypatch):
    monkeypatch.setattr(module, "load_texts", lambda data: {"test": [data]})
    assert RERANKER.read_texts("prose") == {"test": ["prose"]}
