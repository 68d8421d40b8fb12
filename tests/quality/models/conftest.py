"""A tokenizer, a model and checkpoints' folders that need no library."""

import json
from types import SimpleNamespace

import pytest
import torch


class Letters:
    """One token per letter, with special tokens 1 before and 2, 3 after."""

    def __init__(self, prefix=(1,), suffix=(2, 3)):
        self.prefix, self.suffix = list(prefix), list(suffix)

    def encode(self, text, *, add_special_tokens=True):
        ids = [ord(letter) for letter in text]
        return SimpleNamespace(ids=[*self.prefix, *ids, *self.suffix] if add_special_tokens else ids)

    def decode(self, ids, *, skip_special_tokens):
        assert not skip_special_tokens
        return "".join(map(chr, ids))


class States(torch.nn.Module):
    """The state of a token is its id, its place and 1; ``seen`` holds the sizes of the batches."""

    def __init__(self):
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(1))
        self.seen, self.dtypes = [], []

    def forward(self, input_ids, attention_mask):
        self.seen.append(tuple(input_ids.shape))
        self.dtypes.append(torch.is_autocast_enabled("cpu"))
        places = torch.arange(input_ids.shape[1]).expand(input_ids.shape)
        ones = torch.ones_like(places)
        states = torch.stack((input_ids, places, ones), dim=-1) * self.one
        garbage = torch.where(attention_mask[..., None] == 1, states, torch.tensor(1e6))
        return SimpleNamespace(last_hidden_state=garbage)


@pytest.fixture
def letters():
    return Letters


@pytest.fixture
def states():
    return States()


@pytest.fixture
def folder(tmp_path):
    """``folder(architectures=…, config=…, modules=…, pooling=…)`` writes the JSON files of a checkpoint."""

    def write(architectures=None, **files):
        (tmp_path / "1_Pooling").mkdir(exist_ok=True)
        config = {} if architectures is None else {"architectures": architectures}
        config |= files.pop("config", {})
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        for name, content in files.items():
            place = {"pooling": "1_Pooling/config", "prompts": "config_sentence_transformers"}.get(name, name)
            (tmp_path / f"{place}.json").write_text(json.dumps(content), encoding="utf-8")
        return tmp_path

    return write
