"""Switches of real models: with one value the model reads its table, with the other it ignores what the file holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from posembed import extend_checkpoint, find_tables, inspect_checkpoint, plan_extension
from posembed.errors import InvalidArgumentError
from tests.find.test_search_real_models import AT_16, BERT, SWIN, VIT, boxes, model_class, run, tokens

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def pixels(side: int) -> dict[str, Tensor]:
    return {"pixel_values": torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(2))}


def series(_size: int) -> dict[str, Tensor]:
    return {"past_values": torch.randn(1, 32, 2, generator=torch.Generator().manual_seed(2))}


def pages(length: int) -> dict[str, Tensor]:
    return boxes(length) | pixels(32)


def steps(length: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(2)
    return {
        "states": torch.randn(1, length, 4, generator=draw), "actions": torch.randn(1, length, 2, generator=draw),
        "rewards": torch.randn(1, length, 1, generator=draw),
        "returns_to_go": torch.randn(1, length, 1, generator=draw),
        "timesteps": torch.arange(length)[None], "attention_mask": torch.ones(1, length),
    }  # fmt: skip


@dataclass
class Case:
    """A model with a switch: the settings with which it reads its table, and those with which it does not."""

    model: str
    config: dict[str, Any]
    on: dict[str, Any]
    off: dict[str, Any]
    key: str
    inputs: Callable[[int], dict[str, Any]] = tokens
    size: int = 12

    @property
    def name(self) -> str:
        return next(iter(self.off), "always")


def switched(
    name: str, model: str, config: dict[str, Any], key: str, *more: Any, off: Any = False, on: Any = True
) -> Case:
    return Case(model, config, {name: on}, {name: off}, key, *more)


WORDS, IMAGE, PLAIN = "embeddings.position_embeddings.weight", "embeddings.position_embeddings", "position_embeddings"
ABSOLUTE, SWINS, SAM = "use_absolute_position_embeddings", "use_absolute_embeddings", "use_abs_pos"
SAM_VIT = VIT | {"output_channels": 8, "mlp_dim": 32, "window_size": 2, "global_attn_indexes": [0]}
MIXER = {"context_length": 32, "patch_length": 4, "patch_stride": 4, "num_input_channels": 2, "d_model": 8,
         "num_layers": 1, "positional_encoding_type": "random", "mode": "common_channel"}  # fmt: skip
LAYOUT = BERT | VIT | {"max_position_embeddings": 18, "pad_token_id": 1, "input_size": 32, "coordinate_size": 4,
                       "shape_size": 8, "max_2d_position_embeddings": 64}  # fmt: skip
STEPS = {
    "state_dim": 4,
    "act_dim": 2,
    "hidden_size": 32,
    "max_ep_len": 40,
    "n_layer": 1,
    "n_head": 2,
    "n_positions": 16,
}

CASES = [
    switched("position_embedding_type", "Esm", BERT | {"max_position_embeddings": 18, "pad_token_id": 1}, WORDS,
             on="absolute", off="rotary"),
    switched("position_biased_input", "Deberta", BERT | AT_16, WORDS),
    switched("position_biased_input", "DebertaV2", BERT | AT_16, WORDS),
    switched(ABSOLUTE, "Beit", VIT, IMAGE, pixels, 32),
    switched(ABSOLUTE, "Data2VecVision", VIT, IMAGE, pixels, 32),
    switched(ABSOLUTE, "InternVLVision", VIT | {"image_size": [32, 32], "patch_size": [8, 8]}, IMAGE, pixels, 32),
    switched(SWINS, "Swin", SWIN, IMAGE, pixels, 32),
    switched(SWINS, "Swinv2", SWIN, IMAGE, pixels, 32),
    switched(SWINS, "DonutSwin", SWIN, IMAGE, pixels, 32),
    switched(SAM, "SamVision", SAM_VIT, "vision_encoder.pos_embed", pixels, 32),
    switched(SAM, "SamHQVision", SAM_VIT, "vision_encoder.pos_embed", pixels, 32),
    switched("is_native", "Aimv2Vision", VIT, "embeddings.position_embedding.weight", pixels, 32, on=False, off=True),
    switched("use_positional_encoding", "PatchTSMixer", MIXER, "encoder.positional_encoder.position_enc", series),
    switched("visual_embed", "LayoutLMv3", LAYOUT, "pos_embed", pages),
]  # fmt: skip


# With the table, these have a row too many for their own code and run no image.
DO_NOT_RUN = ("Swinv2", "DonutSwin")


def made(case: Case, settings: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    kind = model_class(case.model)
    model = kind(kind.config_class(**case.config | settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    return model


def outputs(case: Case, folder: Path) -> list[Tensor]:
    model = model_class(case.model).from_pretrained(folder).eval()
    inputs = case.inputs(case.size)
    if case.name == "visual_embed":
        inputs.pop("pixel_values")
    with torch.no_grad():
        return run(model, "", inputs)


def with_table(folder: Path, key: str, table: Tensor) -> None:
    file = folder / "model.safetensors"
    save_file(load_file(file) | {key: table}, file, metadata={"format": "pt"})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_a_table_that_is_read(case: Case, tmp_path: Path) -> None:
    made(case, case.on).save_pretrained(tmp_path)
    found = {table.key: table for table in find_tables(tmp_path)}
    assert found[case.key].unused is None
    if case.name == "visual_embed" or case.model in DO_NOT_RUN:  # the first is read with an image only
        return
    before = outputs(case, tmp_path)
    with_table(tmp_path, case.key, torch.randn(found[case.key].shape))
    assert not torch.equal(outputs(case, tmp_path)[0], before[0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model)
def test_a_table_that_is_not_read(case: Case, tmp_path: Path) -> None:
    shape = made(case, case.on).state_dict()[case.key].shape
    made(case, case.off).save_pretrained(tmp_path / "old")
    before = outputs(case, tmp_path / "old")
    with_table(tmp_path / "old", case.key, torch.randn(shape))
    for ours, theirs in zip(outputs(case, tmp_path / "old"), before, strict=True):
        assert torch.equal(ours, theirs)
    table = next(table for table in find_tables(tmp_path / "old") if table.key == case.key)
    assert f"{case.name} = {case.off[case.name]!r}" in str(table.unused)
    card = inspect_checkpoint(tmp_path / "old", values=False)
    assert case.key not in {limit.what for limit in card.limits}
    assert next(each for each in card.tables if each.key == case.key).unused == table.unused
    learned = [each for each in find_tables(tmp_path / "old") if each.refused is None and each.key != case.key]
    if not any(each.kind == table.kind for each in learned):
        size = {"length": 40} if table.layout.grid is None else {"grid": (9, 9)}
        with pytest.raises(InvalidArgumentError, match=r"that its model reads|of that kind"):
            extend_checkpoint(tmp_path / "old", tmp_path / "new", **size)


def test_time_steps_count_and_tokens_do_not(tmp_path: Path) -> None:
    """Decision Transformer gives every token position 0."""
    case = Case("DecisionTransformerModel", STEPS, {}, {}, "encoder.wpe.weight", steps, 6)
    made(case, {}).save_pretrained(tmp_path / "old")
    before = outputs(case, tmp_path / "old")
    file = tmp_path / "old/model.safetensors"
    table = load_file(file)[case.key]
    with_table(tmp_path / "old", case.key, torch.cat((table[:1], torch.randn(table[1:].shape))))
    for ours, theirs in zip(outputs(case, tmp_path / "old"), before, strict=True):
        assert torch.equal(ours, theirs)
    assert inspect_checkpoint(tmp_path / "old", values=False).limits == ()
    with pytest.raises(InvalidArgumentError, match=r"only embed_timestep.weight \(time\): name it with `tables`"):
        plan_extension(tmp_path / "old", 60)
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", 60, tables=["embed_timestep.weight"])
    assert plan.notes[0].startswith("encoder.wpe.weight is left out: DecisionTransformerModel gives every token")
    case.size = 60
    outputs(case, tmp_path / "new")


def test_a_name_extends_an_unread_table_all_the_same(tmp_path: Path) -> None:
    case = CASES[0]
    made(case, case.off).save_pretrained(tmp_path / "old")
    with_table(tmp_path / "old", case.key, torch.randn(18, 32))
    plan = extend_checkpoint(tmp_path / "old", tmp_path / "new", 40, tables=[case.key])
    assert plan.notes == (
        f"{case.key}: position_embedding_type = 'rotary', so the model does not read this table; another size changes "
        "no output",
    )
    assert load_file(tmp_path / "new/model.safetensors")[case.key].shape == (42, 32)
    for ours, theirs in zip(outputs(case, tmp_path / "new"), outputs(case, tmp_path / "old"), strict=True):
        assert torch.equal(ours, theirs)
