"""Numbers inside a PyTorch file follow the table, or the plan names them."""

import argparse
import collections

import pytest
import torch
from safetensors.torch import save_file

from posembed import extend_checkpoint, plan_extension
from posembed.extension import pickled_sizes


def wpe(rows=256, width=32):
    return {
        "transformer.wpe.weight": torch.randn(rows, width) * 0.02,
        "transformer.wte.weight": torch.randn(100, width),
    }


def vit(rows=197):
    return {"pos_embed": torch.randn(1, rows, 32) * 0.02, "cls_token": torch.randn(1, 1, 32)} | {
        "patch_embed.proj.weight": torch.randn(32, 3, 16, 16)
    }


def extended(tmp_path, content, length=1024, **options):
    torch.save(content, tmp_path / "a.pt")
    plan = extend_checkpoint(tmp_path / "a.pt", tmp_path / "b.pt", length, **options)
    return torch.load(tmp_path / "b.pt", weights_only=False), plan


@pytest.mark.parametrize("name", ["block_size", "max_len", "n_positions", "max_seq_length", "n_ctx", "context_length"])
@pytest.mark.parametrize("where", ["model_args", "hyper_parameters", "config"])
def test_lengths_of_any_usual_name(tmp_path, name, where):
    result, plan = extended(
        tmp_path, {"model": wpe(), where: {name: 256, "n_embd": 256, "bias": True}, "iter_num": 256}
    )
    assert result[where] == {name: 1024, "n_embd": 256, "bias": True}
    assert result["iter_num"] == 256
    assert [(field.name, field.before, field.after) for field in plan.fields] == [(f"{where}.{name}", 256, 1024)]
    assert not any("256" in note for note in plan.notes)


def test_every_place_that_repeats_the_length(tmp_path):
    args = argparse.Namespace(max_len=256, more=argparse.Namespace(seq_len=256))
    content = {"model": wpe(), "model_args": {"block_size": 256}, "config": {"block_size": 256}, "args": args}
    result, _ = extended(tmp_path, content)
    assert result["model_args"] == result["config"] == {"block_size": 1024}
    assert result["args"] == argparse.Namespace(max_len=1024, more=argparse.Namespace(seq_len=1024))


def test_a_number_of_unknown_meaning_is_named(tmp_path):
    result, plan = extended(tmp_path, {"model": wpe(), "config": {"horizon": 256, "other": 255}})
    assert result["config"] == {"horizon": 256, "other": 255}
    (note,) = plan.notes
    assert note.startswith("config.horizon in the file is 256, the old size, and is unchanged")


def test_many_unknown_numbers_are_counted(tmp_path):
    _, plan = extended(tmp_path, {"model": wpe(), "config": {f"x{letter}": 256 for letter in "abcdefghijkl"}})
    assert len(plan.notes) == pickled_sizes.MOST_NAMED + 1
    assert plan.notes[-1].startswith("4 more numbers")


def test_each_side_has_its_own_number(tmp_path):
    content = {
        "dims": {"n_text_ctx": 448, "n_audio_ctx": 448, "n_text_state": 448},
        "model_state_dict": {"decoder.positional_embedding": torch.randn(448, 32) * 0.02}
        | {"encoder.positional_embedding": torch.randn(448, 32) * 0.02},
    }
    result, _ = extended(tmp_path, content, tables=["decoder.positional_embedding"])
    assert result["dims"] == {"n_text_ctx": 1024, "n_audio_ctx": 448, "n_text_state": 448}


def test_a_number_that_two_tables_explain_is_named(tmp_path):
    content = {"max_len": 256, "model": {"a.wpe.weight": torch.randn(256, 32), "b.wpe.weight": torch.randn(256, 32)}}
    result, plan = extended(tmp_path, content, tables=["a.wpe.weight"])
    assert result["max_len"] == 256
    assert any(note.startswith("max_len in the file is 256") for note in plan.notes)


@pytest.mark.parametrize(
    ("before", "after"),
    [(224, 384), ([224, 224], [384, 384]), ((3, 224, 224), (3, 384, 384)), ([3, 224, 224], [3, 384, 384])],
)
@pytest.mark.parametrize("name", ["img_size", "image_size", "input_size"])
def test_images_in_pixels_in_any_form(tmp_path, name, before, after):
    args = argparse.Namespace(**{name: before, "batch_size": 224, "patch_size": 16})
    result, _ = extended(tmp_path, {"state_dict": vit(), "args": args}, None, grid=(24, 24), **described("pos_embed"))
    assert result["args"] == argparse.Namespace(**{name: after, "batch_size": 224, "patch_size": 16})


def described(key):
    return {"tables": [key], "table_grid": (14, 14), "prefix": 1}


def test_grids_counted_in_patches(tmp_path):
    settings = {"num_patches": 196, "grid_size": (14, 14), "seq_len": 197}
    result, _ = extended(tmp_path, {"model": vit(), "config": settings}, None, grid=(24, 24), **described("pos_embed"))
    assert result["config"] == {"num_patches": 576, "grid_size": (24, 24), "seq_len": 577}


def test_another_image_size_stays(tmp_path):
    settings = {"image_size": 256, "crop_size": 100}
    result, _ = extended(tmp_path, {"model": vit(), "config": settings}, None, grid=(24, 24), **described("pos_embed"))
    assert result["config"] == settings


class Small(torch.nn.Module):
    """A model that was pickled whole, with the sizes in its modules."""

    def __init__(self):
        super().__init__()
        self.wpe, self.wte = torch.nn.Embedding(256, 32), torch.nn.Embedding(256, 32)


def test_a_whole_model(tmp_path):
    result, _ = extended(tmp_path, Small())
    assert (result.wpe.num_embeddings, result.wte.num_embeddings) == (1024, 256)
    assert result.wpe(torch.tensor([1000])).shape == (1, 32)


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_sizes_that_are_tensors(tmp_path, ending):
    content = {"positional_embedding": torch.randn(77, 32), "context_length": torch.tensor(77)}
    content |= {"vocab_size": torch.tensor(77), "input_resolution": torch.tensor(224)}
    if ending == "pt":
        torch.save(content, tmp_path / "a.pt")
    else:
        save_file(content, tmp_path / "a.safetensors")
    out = tmp_path / f"b.{ending}"
    plan = extend_checkpoint(tmp_path / f"a.{ending}", out, 248)
    assert [buffer.key for buffer in plan.buffers] == ["context_length"]
    from posembed.checkpoint.source import open_checkpoint

    written = open_checkpoint(out)
    assert int(written.read("context_length")) == 248
    assert int(written.read("vocab_size")) == 77
    assert int(written.read("input_resolution")) == 224


def test_what_an_optimizer_holds_is_no_setting(tmp_path):
    content = {"model": wpe(), "optimizer": {"state": {}, "param_groups": [{"max_len": 256}]}}
    result, plan = extended(tmp_path, content)
    assert result["optimizer"]["param_groups"] == [{"max_len": 256}]
    assert plan.fields == ()


def test_nothing_is_written_by_a_plan(tmp_path):
    torch.save({"model": wpe(), "config": collections.OrderedDict(block_size=256)}, tmp_path / "a.pt")
    before = (tmp_path / "a.pt").read_bytes()
    plan = plan_extension(tmp_path / "a.pt", 1024)
    assert plan.to_dict()["fields"] == [
        {"file": "a.pt", "field": "config.block_size", "before": 256, "after": 1024, "why": plan.fields[0].why}
    ]
    assert (tmp_path / "a.pt").read_bytes() == before


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_size_beside_the_state_dict_is_named(tmp_path, kind):
    result, plan = extended(tmp_path, kind([256, wpe(), 100]))
    assert plan.notes == ("element 0 in the file is 256, the old size, and is unchanged: set it if the model reads it",)
    assert (result[0], result[1]["transformer.wpe.weight"].shape[0]) == (256, 1024)
