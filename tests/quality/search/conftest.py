"""An embedding model that finds documents by their words, and documents with titles and sections."""

import json
import random
import shutil

import pytest
import torch
import transformers

from posembed.quality.search.embedding import choose
from posembed.quality.search.embedding.baselines import Baseline

COMMON = ("The", "the", "a", "of", "and", "page", "part", "about", "is", "in", "Part", "Page", ".", "#")
OWN = tuple(f"{a}{b}{c}{d}" for a in "bdgk" for b in "aeiou" for c in "lmrt" for d in "ao")


def sentence(words, draw):
    return "The " + " ".join(draw.choice(words if draw.random() < 0.9 else COMMON[1:10]) for _ in range(10)) + "."


def page(number):
    """A title, and six sections of four sentences, with words of its own: some 300 tokens."""
    draw = random.Random(number)
    words = draw.sample(OWN, 8)
    parts = [f"# Page about {' '.join(words[:3])}"]
    for _ in range(6):
        text = " ".join(sentence(words, draw) for _ in range(4))
        parts.append(f"## Part {' '.join(draw.sample(words, 2))} {draw.choice(OWN)}\n\n{text}")
    return "\n\n".join(parts)


@pytest.fixture(scope="package")
def data(tmp_path_factory):
    """40 pages, of which 36 are for the search."""
    folder = tmp_path_factory.mktemp("texts")
    for number in range(40):
        (folder / f"{number}.md").write_text(page(number), encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="package")
def model(example_checkpoints, tmp_path_factory):
    """A bag of words: large token rows, layers that hardly act; 96 positions."""
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path_factory.mktemp("model") / "embedder")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *COMMON, *OWN]
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertModel(transformers.BertConfig(**sizes, vocab_size=len(names), max_position_embeddings=96))
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.mul_(20)
    bert.save_pretrained(folder)
    return folder


@pytest.fixture(scope="package")
def late_data(tmp_path_factory):
    """The same pages behind a hundred words that all pages share: whoever reads 96 tokens sees none of their own."""
    folder = tmp_path_factory.mktemp("late")
    for number in range(40):
        title, rest = page(number).split("\n\n", 1)
        draw = random.Random(-number)
        same = " ".join(sentence(COMMON[1:10], draw) for _ in range(10))
        (folder / f"{number}.md").write_text(f"{title}\n\n{same}\n\n{rest}", encoding="utf-8")
    return str(folder)


@pytest.fixture(autouse=True)
def few_ranges(monkeypatch):
    """Two ranges of rows: the model does not tell any, and eight take time."""
    monkeypatch.setattr(choose, "ranges", lambda _, old: (old, old // 2))


@pytest.fixture
def cut_alone(monkeypatch):
    """The old table on cut documents is all that a candidate must beat."""
    monkeypatch.setattr(Baseline, "is_rival", property(lambda baseline: baseline.name == "truncated"))
