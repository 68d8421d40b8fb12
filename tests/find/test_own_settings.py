"""A PyTorch file's own settings settle what its rows mean."""

import argparse

import pytest
import torch

from posembed import extend_checkpoint, find_tables

MEGATRON = {"language_model": {"embedding": {"position_embeddings": {"weight": torch.zeros(64, 16)}}}}


def saved(path, content):
    torch.save(content, path)
    return path


def vit(rows=17, patch=(8, 8), tokens=("cls_token",), prefix=""):
    weights = {"pos_embed": torch.randn(1, rows, 16), "patch_embed.proj.weight": torch.randn(16, 3, *patch)}
    weights |= {token: torch.randn(1, 1, 16) for token in tokens}
    return {prefix + key: value for key, value in weights.items()}


@pytest.mark.parametrize(
    ("settings", "certain"),
    [
        ({"args": argparse.Namespace(max_position_embeddings=64)}, True),
        ({"cfg": {"model": {"block_size": 64}}}, True),
        ({"args": argparse.Namespace(n_ctx=64, hidden_size=16)}, True),
        ({"args": argparse.Namespace(max_position_embeddings=63)}, False),
        ({"args": argparse.Namespace(hidden_size=64, batch_size=64)}, False),
        ({}, False),
    ],
)
def test_a_length_in_the_file_settles_a_sequence(tmp_path, settings, certain):
    (table,) = find_tables(saved(tmp_path / "a.pt", {"module": MEGATRON, **settings}))
    assert (table.uncertain, table.layout.length, table.layout.rows) == (not certain, 64, 64)


@pytest.mark.parametrize(("size", "certain"), [(512, True), (514, False)])
def test_reserved_rows_are_settled_by_a_length_without_them(tmp_path, size, certain):
    """514 rows may be 512 and 2 as in fairseq: a setting of 514 contradicts that guess."""
    weights = {"decoder.position_table.weight": torch.zeros(514, 8)}
    (table,) = find_tables(saved(tmp_path / "a.pt", {"model": weights, "args": {"max_positions": size}}))
    assert (table.uncertain, table.layout.reserved) == (not certain, 2)


def test_an_image_size_and_the_kernel_settle_a_grid(tmp_path):
    content = {"state_dict": vit(), "state_dict_ema": vit(), "args": argparse.Namespace(img_size=32, input_size=None)}
    source = saved(tmp_path / "a.pth.tar", content)
    tables = find_tables(source)
    assert [(t.key, t.uncertain, t.layout.grid, t.layout.prefix) for t in tables] == [
        ("pos_embed", False, (4, 4), 1),
        ("state_dict_ema.pos_embed", False, (4, 4), 1),
    ]
    assert tables[0].evidence[1] == "rows 17 = 4 × 4 + 1: args.img_size in patches of 8 × 8, in the file"
    extend_checkpoint(source, tmp_path / "b.pth.tar", image_size=64)
    result = torch.load(tmp_path / "b.pth.tar", weights_only=False)
    assert {result[name]["pos_embed"].shape[1] for name in ("state_dict", "state_dict_ema")} == {65}
    assert result["args"].img_size == 64


def test_student_and_teacher_have_a_kernel_each(tmp_path):
    content = {"student": vit(prefix="module.backbone."), "teacher": vit(prefix="backbone."), "args": {"img_size": 32}}
    tables = find_tables(saved(tmp_path / "a.pth", content))
    assert [(t.uncertain, t.layout.grid) for t in tables] == [(False, (4, 4))] * 2


def test_an_oblong_image(tmp_path):
    content = {"model": vit(9, tokens=("cls_token",)), "args": {"img_size": (16, 32)}}
    (table,) = find_tables(saved(tmp_path / "a.pth", content))
    assert (table.uncertain, table.layout.grid, table.layout.prefix) == (False, (2, 4), 1)


@pytest.mark.parametrize(
    ("weights", "settings"),
    [
        (vit(), {"img_size": 40}),  # 5 × 5 patches are more than the rows
        (vit(tokens=()), {"img_size": 32}),  # one row is no token's
        (vit(patch=(16, 16)), {"img_size": 32}),
        (vit() | {"patch_embed.conv.weight": torch.zeros(4, 3, 4, 4)}, {"img_size": 32}),  # which of the kernels?
        ({"pos_embed": torch.zeros(1, 17, 8), "cls_token": torch.zeros(1, 1, 8)}, {"img_size": 32}),
        (vit(), {"batch_size": 32}),
    ],
)
def test_what_does_not_fit_stays_a_guess(tmp_path, weights, settings):
    (table,) = (
        t for t in find_tables(saved(tmp_path / "a.pth", {"model": weights, "args": settings})) if not t.refused
    )
    assert table.uncertain
    assert table.fields == ()


def test_a_configuration_beside_the_file_comes_first(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "unknown"}')
    (table,) = find_tables(saved(tmp_path / "a.pt", {"module": MEGATRON, "args": {"block_size": 64}}))
    assert table.uncertain


def test_a_clip_kernel_beside_the_table(tmp_path):
    weights = {
        "visual.positional_embedding": torch.zeros(17, 8),
        "visual.class_embedding": torch.zeros(8),
        "visual.conv1.weight": torch.zeros(8, 3, 8, 8),
    }
    (table,) = find_tables(saved(tmp_path / "a.pt", {"state_dict": weights, "args": {"image_resolution": 32}}))
    assert (table.uncertain, table.layout.grid, table.fields[0].amount) == (False, (4, 4), (8, 8))


MASK = {"blocks.0.attn.mask": torch.ones(1, 1, 64, 64)}


@pytest.mark.parametrize(
    ("weights", "settings", "kind", "uncertain"),
    [
        ({"pos_emb": torch.zeros(1, 64, 16), **MASK}, {"block_size": 64}, "sequence", False),
        ({"pos_emb": torch.zeros(1, 48, 16)}, {"block_size": 48}, "sequence", False),
        ({"pos_emb": torch.zeros(1, 64, 16)}, {"num_positions": 64}, "grid", True),  # of patches, perhaps
        ({"pos_emb": torch.zeros(1, 64, 16), "conv.weight": torch.zeros(8, 3, 4, 4)}, {"block_size": 64}, "grid", True),
        ({"visual.pos_emb": torch.zeros(1, 64, 16)}, {"block_size": 64}, "grid", True),
    ],
)
def test_a_square_length_of_a_text_is_no_grid(tmp_path, weights, settings, kind, uncertain):
    """minGPT stores its rows as images' tables are stored."""
    found = find_tables(saved(tmp_path / "a.pt", {"model": weights, "config": settings}))
    (table,) = (table for table in found if table.refused is None)
    assert (table.kind, table.uncertain) == (kind, uncertain)


def test_a_length_of_minimal_code_changes_with_its_rows(tmp_path):
    weights = {"pos_emb": torch.randn(1, 64, 16), "tok_emb.weight": torch.randn(50, 16)}
    source = saved(tmp_path / "a.pt", {"model": weights, "config": {"block_size": 64}})
    extend_checkpoint(source, tmp_path / "b.pt", 128)
    result = torch.load(tmp_path / "b.pt")
    assert (tuple(result["model"]["pos_emb"].shape), result["config"]) == ((1, 128, 16), {"block_size": 128})
