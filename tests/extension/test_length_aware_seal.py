"""The checksum of length-aware tables: no damage is loaded, files of older versions are."""

import pytest
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from posembed import extend_model, load_length_aware, save_length_aware
from posembed.errors import CheckpointError
from posembed.extension.length_aware_seal import sealed_content, sealed_metadata
from posembed.nn.length_aware import LengthAwareEmbedding

KEY = "embeddings.position_embeddings.weight"
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "vocab_size": 9}
ABOUT = {"format": "posembed.length_aware.1", "key": KEY, "reserved": "0"}


def bert(positions):
    return transformers.BertModel(transformers.BertConfig(**SIZES, max_position_embeddings=positions))


def loaded(folder):
    return load_length_aware(bert(32), folder)


@pytest.fixture
def file(tmp_path):
    model = bert(16)
    extend_model(model, 32, method="linear", length_aware=True)
    return save_length_aware(model, tmp_path)


def test_no_flipped_bit_changes_the_tables(file):
    """Every 53rd bit of the file: the tables are refused, or they are the same."""
    whole, right = file.read_bytes(), load_file(file)
    refused = tried = 0
    for bit in range(0, 8 * len(whole), 53):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        tried += 1
        try:
            model = loaded(file.parent)
        except CheckpointError:
            refused += 1
        else:
            (module,) = [each for each in model.modules() if isinstance(each, LengthAwareEmbedding)]
            assert all(torch.equal(module.table(number), right[limit]) for number, limit in enumerate(("16", "32")))
    assert refused > 0.95 * tried


def test_tables_of_an_older_version_have_no_checksum(file):
    tables = load_file(file)
    save_file(tables, file, metadata=ABOUT)
    loaded(file.parent)
    for changed in ({"sha256": "0" * 64}, {"shb256": "0" * 64}, {"format": "posembed.length_aware.2"}):
        save_file(tables, file, metadata=ABOUT | changed)
        with pytest.raises(CheckpointError, match="is damaged or of another version: its "):
            loaded(file.parent)
    save_file({}, file, metadata=ABOUT)
    with pytest.raises(CheckpointError, match="it has no tables"):
        loaded(file.parent)


def test_the_same_tables_give_the_same_bytes(tmp_path):
    tables = {"16": torch.rand(16, 3), "32": torch.rand(32, 3)}
    contents = {sealed_content("ä.weight", 2, tables) for _ in range(20)}
    assert len(contents) == 1
    (tmp_path / "file").write_bytes(contents.pop())
    assert all(torch.equal(rows, tables[name]) for name, rows in load_file(tmp_path / "file").items())
    with safe_open(tmp_path / "file", "pt") as opened:
        assert opened.metadata() == sealed_metadata("ä.weight", 2, tables)
