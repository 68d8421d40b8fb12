"""A corpus of made-up words, and models small enough to calibrate in a second."""

import json
import random
import shutil

import pytest
import torch
import transformers

SYLLABLES = ("ka", "to", "ri", "mu", "se", "lo", "ban", "tir", "gul", "ves")
WORDS = [a + b + c for a in SYLLABLES for b in SYLLABLES[:6] for c in SYLLABLES[:5]]
OLD = 64
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """120 documents of 200 words."""
    folder = tmp_path_factory.mktemp("texts")
    draw = random.Random(0)
    weights = [1 / (5 + rank) for rank in range(len(WORDS))]  # some are far more frequent: that can be learned
    for number in range(120):
        (folder / f"{number}.txt").write_text(" ".join(draw.choices(WORDS, weights, k=200)), encoding="utf-8")
    return str(folder)


def with_words(source, folder):
    """A copy of an example's tokenizer that knows the words."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    content["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return len(names)


@pytest.fixture(scope="session")
def embedder(example_checkpoints, tmp_path_factory):
    """A bag of words of 64 positions, whose position rows are large enough to disturb it."""
    folder = tmp_path_factory.mktemp("models") / "embedder"
    count = with_words(example_checkpoints / "my-embedder", folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(**SIZES, vocab_size=count, max_position_embeddings=OLD)
    model = transformers.BertModel(config)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(20)
        model.embeddings.position_embeddings.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def causal(example_checkpoints, tmp_path_factory):
    """A GPT-2 of 64 positions."""
    folder = tmp_path_factory.mktemp("models") / "causal"
    count = with_words(example_checkpoints / "my-gpt2", folder)
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=count, n_positions=OLD)
    model = transformers.GPT2LMHeadModel(config)
    with torch.no_grad():
        model.transformer.wpe.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def masked(example_checkpoints, tmp_path_factory):
    """A RoBERTa of 64 positions, whose row 0 is reserved."""
    folder = tmp_path_factory.mktemp("models") / "masked"
    count = with_words(example_checkpoints / "my-roberta", folder)
    torch.manual_seed(0)
    config = transformers.RobertaConfig(**SIZES, vocab_size=count, max_position_embeddings=OLD + 1, pad_token_id=0)
    model = transformers.RobertaForMaskedLM(config)
    with torch.no_grad():
        model.roberta.embeddings.position_embeddings.weight.mul_(20)
    model.save_pretrained(folder)
    return folder


QUICK = {"facts": 0.0, "length": 128, "steps": 8, "every": 2, "precision": "fp32"}


@pytest.fixture(scope="session")
def quick():
    """Settings of ``calibrate`` for a run of a second."""
    return dict(QUICK)
