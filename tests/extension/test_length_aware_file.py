"""The file of length-aware tables, made without loading the model; plans that it is not for are refused."""

import errno

import numpy as np
import pytest
import transformers
from safetensors.numpy import load

from posembed import plan_extension
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension.length_aware_file import length_aware_file

POSITION = "embeddings.position_embeddings.weight"


def tables(content):
    return {int(limit): rows for limit, rows in load(content).items()}


def test_the_old_table_for_short_inputs_the_new_one_for_longer_ones(example_checkpoints):
    plan = plan_extension(example_checkpoints / "my-roberta", 1024)
    old = plan.checkpoint.read(POSITION)
    found = tables(length_aware_file(plan))
    assert {limit: rows.shape for limit, rows in found.items()} == {512: (514, 32), 1024: (1026, 32)}
    assert np.array_equal(found[512], old)
    assert np.array_equal(found[1024], plan.tables[0].apply(old))


def test_how_short_the_inputs_are_may_be_said(example_checkpoints):
    plan = plan_extension(example_checkpoints / "my-roberta", 1024)
    longer = np.zeros((1026, 32), np.float32)
    found = tables(length_aware_file(plan, short=128, longer=longer))
    assert {limit: rows.shape for limit, rows in found.items()} == {128: (130, 32), 1024: (1026, 32)}
    assert not found[1024].any()


def test_plans_that_it_is_not_for(example_checkpoints, write):
    shorter = plan_extension(example_checkpoints / "my-roberta", 256, method="crop")
    with pytest.raises(InvalidArgumentError, match="is not a plain sequence table that grows"):
        length_aware_file(shorter)
    with pytest.raises(InvalidArgumentError, match=r"for a directory with one table, the plan has decoder.*, encoder"):
        length_aware_file(plan_extension(example_checkpoints / "my-bart", 2048))
    alone = plan_extension(example_checkpoints / "my-roberta" / "model.safetensors", 1024)
    with pytest.raises(InvalidArgumentError, match="are for a directory"):
        length_aware_file(alone)


def test_a_model_that_transformers_does_not_know(write):
    source = write({POSITION: (16, 8)}, config={"model_type": "mine", "max_position_embeddings": 16})
    with pytest.raises(InvalidArgumentError, match="is not a model that Transformers can build"):
        length_aware_file(plan_extension(source, 32, tables=POSITION, reserved=0))


def test_a_disk_that_fails_is_no_wrong_call(example_checkpoints, monkeypatch):
    plan = plan_extension(example_checkpoints / "my-roberta", 1024)

    def fail(*_, **__):
        raise OSError(errno.EIO, "Input/output error", "my-roberta/config.json")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", fail)
    with pytest.raises(CheckpointError, match=r"cannot be read: my-roberta/config\.json: input/output error"):
        length_aware_file(plan)


def test_an_encoder_of_a_pair_which_the_library_builds_by_its_own_class_alone(tmp_path):
    """``AutoModel`` knows no EncoderDecoderModel."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    parts = [transformers.BertConfig(**sizes, vocab_size=50, max_position_embeddings=16) for _ in range(2)]
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(*parts)
    transformers.EncoderDecoderModel(config=config).save_pretrained(tmp_path)
    key = f"encoder.{POSITION}"
    assert set(tables(length_aware_file(plan_extension(tmp_path, 32, tables=[key])))) == {16, 32}
    with pytest.raises(InvalidArgumentError, match="are for a directory with one table, the plan has decoder"):
        length_aware_file(plan_extension(tmp_path, 32))
