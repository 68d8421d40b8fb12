"""The weights are found wherever a training script puts them, and their copies are known as such."""

import pytest
import torch

from posembed.checkpoint.formats.pickle.index import read_pickle
from posembed.errors import CheckpointError


def weights():
    return {"pos_embed": torch.randn(1, 17, 8), "blocks.0.mlp.weight": torch.randn(8, 8), "n": torch.tensor(1)}


def flat(prefix=""):
    return {prefix + key: value for key, value in weights().items()}


def keys(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    return {key: tensor.copy_of for key, tensor in read_pickle(tmp_path / "a.pt").tensors.items()}


WRAPPERS = ["state_dict", "model", "module", "net", "network", "model_state_dict", "model_state", "params", "weights"]
WRAPPERS += ["teacher", "ema", "my_own_name", "generator_1"]


@pytest.mark.parametrize("name", WRAPPERS)
def test_under_any_name_and_beside_anything(tmp_path, name):
    extra = {"epoch": 3, "best": torch.tensor(0.5), "rng_state": torch.ones(4), "history": [torch.tensor(1.0)] * 3}
    assert list(keys(tmp_path, {**extra, name: flat()}))[:3] == list(flat())
    assert list(keys(tmp_path, {name: {"state_dict": flat()}, **extra}))[:3] == list(flat())


@pytest.mark.parametrize("content", [lambda: (flat(), {"a": 1}), lambda: [{"x": 3}, flat()], flat])
def test_in_tuples_and_lists(tmp_path, content):
    assert list(keys(tmp_path, content())) == list(flat())


def test_tensors_beside_the_weights_keep_their_own_names(tmp_path):
    found = keys(tmp_path, {"model": flat(), "mean": torch.ones(3), "head": {"weight": torch.ones(2, 2)}})
    assert list(found) == [*flat(), "mean", "head.weight"]


def test_modules_nested_in_mappings_are_named_by_dots(tmp_path):
    megatron = {
        "embedding": {
            "position_embeddings": {"weight": torch.randn(16, 8)},
            "word_embeddings": {"weight": torch.ones(9, 8)},
        },
        "transformer": {"layers.0.weight": torch.randn(8, 8)},
    }
    found = keys(
        tmp_path, {"model": {"language_model": megatron}, "iteration": 3, "optimizer": {"state": torch.ones(1)}}
    )
    assert list(found) == [
        "language_model.embedding.position_embeddings.weight",
        "language_model.embedding.word_embeddings.weight",
        "language_model.transformer.layers.0.weight",
    ]


def test_an_own_table_beside_its_blocks_is_not_lost(tmp_path):
    found = keys(tmp_path, {"pos_embed": torch.randn(1, 17, 8), "encoder": {"blocks.0.weight": torch.randn(8, 8)}})
    assert list(found) == ["pos_embed", "encoder.blocks.0.weight"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("state_dict", "state_dict_ema"), ("teacher", "student"), ("params", "params_ema"), ("encoder", "target_encoder")],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_a_second_copy_is_known_as_one(tmp_path, first, second, prefix):
    found = keys(tmp_path, {first: flat(), second: flat(prefix), "epoch": 1})
    assert {key: copy for key, copy in found.items() if copy is None} == dict.fromkeys(flat())
    assert found[f"{second}.{prefix}pos_embed"] == "pos_embed"


def test_a_tensor_of_another_shape_is_no_copy(tmp_path):
    found = keys(tmp_path, {"model": flat(), "ema": {**flat(), "pos_embed": torch.randn(1, 5, 8)}})
    assert found["ema.pos_embed"] is None
    assert found["ema.blocks.0.mlp.weight"] == "blocks.0.mlp.weight"


def test_different_networks_keep_their_names(tmp_path):
    found = keys(tmp_path, {"generator": {"a.weight": torch.ones(2, 2)}, "critic": {"b.weight": torch.ones(2, 2)}})
    assert found == {"generator.a.weight": None, "critic.b.weight": None}


def test_an_optimizer_alone_is_no_checkpoint(tmp_path):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.9)
    weight.grad = torch.ones(2)
    optimizer.step()
    torch.save({"optimizer": optimizer.state_dict()}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="holds only the state of an optimizer"):
        read_pickle(tmp_path / "a.pt")


def test_two_tensors_never_get_one_key(tmp_path):
    content = {"model": {"ema.w": torch.ones(2, 2)}, "ema": {"w": torch.ones(3, 3)}}
    assert len(keys(tmp_path, content)) == 2
