"""Google's ViT checkpoints: grids and texts by their JAX names, and what only has such a name."""

import numpy as np
import pytest

from posembed import extend_checkpoint, find_tables, plan_extension
from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout


def vit(root="", side=4, patch=8, token=True, table="Transformer/posembed_input/pos_embedding"):
    arrays = {
        f"{root}{table}": np.random.default_rng(0).normal(size=(1, side * side + token, 6)).astype("f4"),
        f"{root}embedding/kernel": np.ones((patch, patch, 3, 6), "f4"),
        f"{root}Transformer/encoderblock_0/LayerNorm_0/scale": np.ones(6, "f4"),
    }
    return arrays | ({f"{root}cls": np.zeros((1, 1, 6), "f4")} if token else {})


def saved(folder, arrays):
    np.savez(folder / "vit.npz", **arrays)
    return folder / "vit.npz"


@pytest.mark.parametrize("root", ["", "params/", "opt/target/", "params/img/"])
@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("table", ["Transformer/posembed_input/pos_embedding", "pos_embedding"])
def test_an_image_table_and_its_pixels(tmp_path, root, token, table):
    file = saved(tmp_path, vit(root, token=token, table=table))
    (found,) = find_tables(file)
    assert (found.key, found.layout, found.uncertain) == (root + table, TableLayout(grid=(4, 4), prefix=token), False)
    extend_checkpoint(file, tmp_path / "new.npz", image_size=(48, 48))
    new = np.load(tmp_path / "new.npz")
    assert new[root + table].shape == (1, 36 + token, 6)
    assert (new[root + table][:, :token] == np.load(file)[root + table][:, :token]).all()


def test_the_grid_is_resized_as_the_original_code_does(tmp_path):
    from scipy.ndimage import zoom

    file = saved(tmp_path, vit())
    extend_checkpoint(file, tmp_path / "new.npz", grid=(6, 6))
    key = "Transformer/posembed_input/pos_embedding"
    old, new = np.load(file)[key], np.load(tmp_path / "new.npz")[key]
    expected = zoom(old[0, 1:].reshape(4, 4, 6), (6 / 4, 6 / 4, 1), order=1).reshape(36, 6)
    assert np.abs(new[0, 1:] - expected).max() < 1e-6


def test_both_towers_of_an_image_text_model(tmp_path):
    arrays = vit("params/img/", token=False) | {
        "params/txt/pos_embedding": np.ones((1, 16, 6), "f4") * np.arange(16)[:, None],
        "params/txt/Embed_0/embedding": np.ones((9, 6), "f4"),
        "opt/0/mu/txt/pos_embedding": np.ones((1, 16, 6), "f4"),
    }
    file = saved(tmp_path, arrays)
    found = {table.key: table for table in find_tables(file)}
    assert found["params/txt/pos_embedding"].layout == TableLayout(length=16)
    assert "optimizer" in found["opt/0/mu/txt/pos_embedding"].refused
    plan = plan_extension(file, 32)
    assert [change.table.key for change in plan.tables] == ["params/txt/pos_embedding"]


def test_a_hybrid_has_no_size_of_a_patch(tmp_path):
    file = saved(tmp_path, vit(patch=1) | {"conv_root/kernel": np.ones((7, 7, 3, 6), "f4")})
    (found,) = find_tables(file)
    assert found.fields == ()
    with pytest.raises(InvalidArgumentError, match="use `grid`"):
        plan_extension(file, image_size=(48, 48))


def test_rows_that_are_no_square_are_uncertain_and_oblong_grids_refused(tmp_path):
    arrays = vit()
    arrays["Transformer/posembed_input/pos_embedding"] = np.ones((1, 20, 6), "f4")
    (found,) = find_tables(saved(tmp_path, arrays))
    assert found.uncertain
    plan = plan_extension(saved(tmp_path, vit()), grid=(6, 4))
    assert any("takes no other" in reason for reason in plan.blocked)


def test_the_name_alone_is_not_enough(tmp_path):
    (found,) = find_tables(saved(tmp_path, {"decoder/pos_embedding": np.ones((20, 6), "f4") * np.arange(20)[:, None]}))
    assert found.family != "flax-vit"
    assert found.uncertain
