"""Every copy of the weights in a file changes with the first, by its own values; what stays is named."""

import json

import pytest
import torch

from posembed import extend_checkpoint, plan_extension


def vit(fill=None):
    table = torch.randn(1, 197, 32) * 0.02 if fill is None else torch.full((1, 197, 32), fill)
    weights = {"cls_token": torch.randn(1, 1, 32), "patch_embed.proj.weight": torch.randn(32, 3, 16, 16)}
    return {"pos_embed": table, **weights, "blocks.0.weight": torch.randn(32, 32)}


GRID = {"grid": (24, 24), "tables": ["pos_embed"], "table_grid": (14, 14), "prefix": 1}


PAIRS = [("state_dict", "state_dict_ema"), ("teacher", "student"), ("params", "params_ema")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_second_copy_is_extended_by_its_own_values(tmp_path, first, second, prefix):
    copy = {prefix + key: value for key, value in vit(0.5).items()}
    torch.save({"epoch": 3, first: vit(1.0), second: copy}, tmp_path / "a.pth")
    plan = extend_checkpoint(tmp_path / "a.pth", tmp_path / "b.pth", **GRID)
    assert [change.table.key for change in plan.tables] == ["pos_embed", f"{second}.{prefix}pos_embed"]
    result = torch.load(tmp_path / "b.pth")
    assert torch.allclose(result[first]["pos_embed"], torch.ones(1, 577, 32))
    assert torch.allclose(result[second][f"{prefix}pos_embed"], torch.full((1, 577, 32), 0.5))


def test_three_copies(tmp_path):
    torch.save({"model": vit(), "ema": vit(), "teacher": vit()}, tmp_path / "a.pth")
    extend_checkpoint(tmp_path / "a.pth", tmp_path / "b.pth", **GRID)
    assert {tuple(value["pos_embed"].shape) for value in torch.load(tmp_path / "b.pth").values()} == {(1, 577, 32)}


def test_tied_copies_stay_tied(tmp_path):
    weights = vit()
    torch.save({"state_dict": weights, "state_dict_ema": dict(weights)}, tmp_path / "a.pth")
    extend_checkpoint(tmp_path / "a.pth", tmp_path / "b.pth", **GRID)
    result = torch.load(tmp_path / "b.pth")
    assert result["state_dict"]["pos_embed"].shape == result["state_dict_ema"]["pos_embed"].shape == (1, 577, 32)


def test_a_copy_inside_one_state_dict_is_named(tmp_path):
    table = lambda: torch.randn(64, 8)  # noqa: E731
    torch.save({"student.wpe.weight": table(), "teacher.wpe.weight": table()}, tmp_path / "a.pt")
    plan = plan_extension(tmp_path / "a.pt", 128, tables=["student.wpe.weight"])
    (note,) = plan.notes
    assert note.startswith("teacher.wpe.weight has the shape and name of student.wpe.weight and is unchanged")
    assert plan_extension(tmp_path / "a.pt", 128).notes == ()


def test_a_table_that_the_configuration_sizes_is_not_called_a_copy(tmp_path):
    """BART's decoder beside its encoder: that both change together is said, and nothing of averages."""
    names = [f"{part}.embed_positions.weight" for part in ("encoder", "decoder")]
    torch.save({name: torch.randn(66, 8) for name in names}, tmp_path / "pytorch_model.bin")
    config = {"model_type": "bart", "max_position_embeddings": 64, "d_model": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    plan = plan_extension(tmp_path, 128, tables=names[:1])
    assert plan.notes == ()
    assert plan.blocked[0].endswith("they can only change together")


def test_an_average_without_names_is_named(tmp_path):
    content = {
        "model": {"wpe.weight": torch.randn(64, 8)},
        "ema": {"shadow_params": [torch.randn(64, 8), torch.ones(3)]},
    }
    torch.save(content, tmp_path / "a.pt")
    (note,) = plan_extension(tmp_path / "a.pt", 128).notes
    assert note == "ema.shadow_params.0 may be an average of wpe.weight, without a name, and is unchanged"


@pytest.mark.parametrize("name", ["ema.h.0.mlp.weight", "ema.net.h.0.mlp.weight", "model_ema.neth0mlpweight"])
def test_an_average_that_bears_the_name_of_another_weight_is_not_the_table_s(tmp_path, name):
    weights = {"net.wpe.weight": torch.randn(64, 8), "net.h.0.mlp.weight": torch.randn(64, 8)}
    torch.save({**weights, name: torch.randn(64, 8)}, tmp_path / "a.pt")
    assert plan_extension(tmp_path / "a.pt", 128).notes == ()


def test_an_average_without_dots_in_its_name_is_named(tmp_path):
    weights = {"net.wpe.weight": torch.randn(64, 8), "net.h.0.mlp.weight": torch.randn(64, 8)}
    torch.save({**weights, "model_ema.netwpeweight": torch.randn(64, 8)}, tmp_path / "a.pt")
    (note,) = plan_extension(tmp_path / "a.pt", 128).notes
    assert note.startswith("model_ema.netwpeweight may be an average of net.wpe.weight")


def test_towers_with_fields_of_their_own_are_no_copies(write):
    """Equal rows do not make a tower a copy of the other: each follows from its own part of the configuration."""
    text = {"model_type": "siglip_text_model", "max_position_embeddings": 16}
    vision = {"model_type": "siglip_vision_model", "image_size": 32, "patch_size": 8}
    names = [f"{tower}_model.embeddings.position_embedding.weight" for tower in ("text", "vision")]
    config = {"model_type": "siglip", "text_config": text, "vision_config": vision}
    assert plan_extension(write(dict.fromkeys(names, (16, 8)), config=config), 32).notes == ()


def test_an_optimizer_is_named(tmp_path):
    weight = torch.nn.Parameter(torch.randn(64, 8))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.ones(64, 8)
    optimizer.step()
    torch.save({"model": {"wpe.weight": weight.detach()}, "optimizer": optimizer.state_dict()}, tmp_path / "a.pt")
    plan = extend_checkpoint(tmp_path / "a.pt", tmp_path / "b.pt", 128)
    (note,) = plan.notes
    assert note.startswith(
        "optimizer.state.0.exp_avg (and 1 more) of the optimizer's state has the old shape of wpe.weight"
    )
    assert torch.load(tmp_path / "b.pt")["optimizer"]["state"][0]["exp_avg"].shape == (64, 8)


class Scripted(torch.nn.Module):
    """A compiled model."""

    def __init__(self):
        super().__init__()
        self.positional_embedding = torch.nn.Parameter(torch.randn(77, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add positions."""
        return x + self.positional_embedding


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_becomes_a_state_dict_and_the_plan_says_so(tmp_path):
    torch.jit.save(torch.jit.script(Scripted()), tmp_path / "ViT-B-16.pt")
    plan = extend_checkpoint(tmp_path / "ViT-B-16.pt", tmp_path / "b.pt", 154)
    assert any("is TorchScript" in note and "plain state dict" in note for note in plan.notes)
    assert torch.load(tmp_path / "b.pt")["positional_embedding"].shape == (154, 32)
