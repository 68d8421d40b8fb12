"""An embedding model that finds passkeys by the names in them, and texts; a trial that needs no model."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
import transformers

from posembed.quality.search.candidates import Candidate
from posembed.quality.search.measure import ACCURACY
from posembed.quality.tasks.names import FILLERS, FIRST, LAST


@pytest.fixture(scope="package")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"the dog number {number} ran " * 300, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="package")
def model(example_checkpoints, tmp_path_factory):
    """A bag of words: large token rows, layers that hardly act, so that a document is found by the names in it."""
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path_factory.mktemp("model") / "embedder")
    words = re.findall(r"\w+|[^\w\s]", f"{' '.join(FILLERS['validation'])} What is the pass key of? Remember it")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*FIRST, *LAST, *words])]
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertModel(transformers.BertConfig(**sizes, vocab_size=len(names), max_position_embeddings=96))
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.mul_(20)
    bert.save_pretrained(folder)
    return folder


@pytest.fixture
def candidate():
    """``candidate(values)``: so many hits of a hundred by length, always of the same documents first."""

    def make(values, method="tile", kept=0, documents=100, measure=ACCURACY, **options):
        outcomes = {n: (np.arange(documents) < round(documents * share)).astype(float) for n, share in values.items()}
        return Candidate(method, options or {"range": 9}, kept, measure, outcomes)

    return make
