import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from posembed.errors import MissingExtraError
from posembed.report import plots

pytest.importorskip("matplotlib")


def pixels(file):
    """The picture as an array, 0 to 1; it is read back from the file."""
    from matplotlib.image import imread

    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    return imread(file)[..., :3]


def has_color(picture, color):
    wanted = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return (np.abs(picture - wanted) < 0.02).all(axis=-1).sum()


def assert_a_picture(file, width, height):
    picture = pixels(file)
    assert picture.shape == (height, width, 3)
    assert 5_000 < file.stat().st_size < 400_000
    white = (picture > 0.99).all(axis=-1).mean()
    assert 0.3 < white < 0.995
    return picture


def test_every_plot_of_a_comparison(results, made, tmp_path):
    folder = tmp_path / "out"
    (folder / "tables").mkdir(parents=True)
    for file in (made[1] / "tables").iterdir():
        (folder / "tables" / file.name).write_bytes(file.read_bytes())
    files = plots.draw_comparison(results, folder)
    assert [file.name for file in files] == [
        "loss-per-position.png",
        "training-curves.png",
        "cosine-learned-seed0.png",
        "cosine-sinusoidal-seed0.png",
    ]
    assert sorted((folder / "plots").iterdir()) == sorted(files)
    losses = assert_a_picture(files[0], 1080, 600)
    curves = assert_a_picture(files[1], 840, 540)
    for color in plots._COLORS[:3]:  # every arm has left a line
        assert has_color(losses, color) > 200
        assert has_color(curves, color) > 200
    for color in plots._COLORS[3:6]:
        assert has_color(losses, color) < 20
    for file in files[2:]:
        assert len(np.unique(assert_a_picture(file, 672, 576).reshape(-1, 3), axis=0)) > 100


def test_arms_without_numbers_are_left_out(with_failures, edited, tmp_path):
    losses = pixels(plots.draw_loss_per_position(with_failures, tmp_path / "losses.png"))
    assert [has_color(losses, color) > 200 for color in plots._COLORS[:3]] == [False, False, True]
    plots.draw_curves(with_failures, tmp_path / "curves.png")
    with_failures = edited(with_failures, lambda plain: plain["arms"].pop())
    plots.draw_loss_per_position(with_failures, tmp_path / "nothing.png")
    with_failures = edited(with_failures, lambda plain: plain["arms"][1].update(curves=[]))
    plots.draw_curves(with_failures, tmp_path / "no-curve.png")
    for name in ("nothing", "no-curve"):
        assert (pixels(tmp_path / f"{name}.png") < 0.5).any()  # axes and their labels are there


def test_gaps_and_missing_lengths(results, edited, tmp_path):
    def remove(plain):
        for arm in plain["arms"]:
            arm["beyond"] = []
            for values in arm["per_position"].values():
                values[3] = None

    results = edited(results, remove)
    picture = assert_a_picture(plots.draw_loss_per_position(results, tmp_path / "gaps.png"), 1080, 600)
    assert all(has_color(picture, color) > 400 for color in plots._COLORS[:3])  # a legend alone has fewer


def test_cosines_are_drawn_where_they_belong(tmp_path):
    table = np.zeros((40, 2))
    table[:20, 0], table[20:, 0] = 1.0, -1.0  # two blocks, opposite to each other
    picture = pixels(plots.draw_cosines(table, "blocks", tmp_path / "a.png"))
    red, blue = (picture[..., 0] - picture[..., 2]) > 0.2, (picture[..., 2] - picture[..., 0]) > 0.2
    rows, columns = np.nonzero(red | blue)
    inner = columns < columns.min() + 420  # without the color bar
    top, left, bottom, right = rows.min(), columns.min(), rows.max(), columns[inner].max()
    middle_row, middle_column = (top + bottom) // 2, (left + right) // 2
    quarter = (bottom - top) // 4
    assert red[middle_row - quarter, middle_column - quarter]
    assert red[middle_row + quarter, middle_column + quarter]
    assert blue[middle_row - quarter, middle_column + quarter]
    assert blue[middle_row + quarter, middle_column - quarter]


def test_a_large_table_is_thinned(tmp_path, monkeypatch):
    seen = []
    cosines = plots.cosine_matrix
    monkeypatch.setattr(plots, "cosine_matrix", lambda rows: seen.append(rows) or cosines(rows))
    table = np.random.default_rng(0).standard_normal((2500, 4))
    plots.draw_cosines(table, "large", tmp_path / "large.png")
    assert (seen[0] == table[::3]).all()
    plots.draw_cosines(table[:1024], "whole", tmp_path / "whole.png")
    assert (seen[1] == table[:1024]).all()


def test_half_precision_tables(made, tmp_path):
    rows = load_file(made[1] / "tables" / "learned-seed0.safetensors")["position"]
    plots.draw_cosines(rows.astype(np.float16), "half", tmp_path / "half.png")


def test_the_running_mean():
    values = [1.0, 2.0, None, 4.0, 6.0]
    assert plots._smooth(values, 3).tolist() == pytest.approx([1.5, 1.5, 3.0, 5.0, 5.0])
    assert plots._smooth([None, 1.0], 1).tolist()[1] == 1.0
    assert np.isnan(plots._smooth([None, 1.0], 1)[0])
    assert plots._smooth([1.0, 2.0, 3.0, 4.0, 5.0]).tolist() == [2.0, 2.5, 3.0, 3.5, 4.0]  # shorter than the window


def test_without_matplotlib_the_command_is_named(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (
        plots.require_matplotlib,
        lambda: plots.draw_curves(results, tmp_path / "a.png"),
        lambda: plots.draw_loss_per_position(results, tmp_path / "a.png"),
        lambda: plots.draw_cosines(np.eye(3), "a", tmp_path / "a.png"),
    ):
        with pytest.raises(MissingExtraError, match=r'--no-plots.*run  pip install "posembed\[report\]"'):
            draw()
    assert list(tmp_path.iterdir()) == []
