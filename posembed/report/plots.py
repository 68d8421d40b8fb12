"""PNG pictures of a comparison and of position tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from posembed.errors import WorkFailedError, require_package
from posembed.files import write_whole
from posembed.records.comparison import Arm, Comparison
from posembed.tables.measures.similarity import cosine_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOUBLE = 2.0
"""The largest input length that is drawn, as a multiple of the training length."""
BAND = 1.96
"""Standard errors on either side of the mean: 95 % of a normal distribution."""
# Okabe and Ito's palette: distinguishable with every common form of color blindness.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = {"direct": "-", "tile": "--", "linear": ":"}
_WIDTH = 9  # positions in the running mean of the loss
_LARGEST = 1024  # rows of a cosine matrix that is drawn whole


def require_matplotlib() -> None:
    """Raise with the install command if the plots cannot be drawn.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    require_package("matplotlib", "report", "drawing plots (or give --no-plots)")


def draw_comparison(results: Comparison, out: Path) -> list[Path]:
    """Draw every plot of a comparison into ``out/plots``, and return the files."""
    folder = out / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    files = [draw_loss_per_position(results, folder / "loss-per-position.png")]
    files.append(draw_curves(results, folder / "training-curves.png"))
    tables = sorted((out / "tables").glob("*.safetensors"))
    return files + [draw_cosines(read_position_rows(t), t.stem, folder / f"cosine-{t.stem}.png") for t in tables]


def read_position_rows(file: Path) -> NDArray[np.floating]:
    """Return the position rows that a unit of a comparison wrote, ``[rows, d_model]``.

    Raises:
        WorkFailedError: if the file is damaged.
    """
    try:
        rows: NDArray[np.floating] = load_file(file)["position"]
    except (SafetensorError, KeyError) as error:
        raise WorkFailedError(f"{file} is damaged ({error}); delete its unit to train it again") from None
    return rows


def draw_loss_per_position(results: Comparison, file: Path) -> Path:
    """Draw the loss at each position at the training length, and at twice it where that was measured."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    length = results.configuration.train_length
    for index, arm in enumerate(results.arms):
        _draw_arm(axes, arm, length, _COLORS[index % len(_COLORS)])
    axes.axvline(length - 0.5, color="0.5", linewidth=0.8)
    axes.set(
        xlabel=f"position (tokens); trained up to {length}, marked",
        ylabel="loss (nats per token)",
        title=f"Test loss by position (running mean of {_WIDTH}), bands: 95 % over documents",
    )
    if axes.get_legend_handles_labels()[0]:  # none where no arm finished
        axes.legend(fontsize="small")
    _save(figure, file)
    return file


def _draw_arm(axes: Axes, arm: Arm, length: int, color: str) -> None:
    if arm.per_position is None:
        return
    mean, error = _smooth(arm.per_position.mean), _smooth(arm.per_position.standard_error)
    x = np.arange(len(mean))
    axes.plot(x, mean, color=color, label=arm.encoding)
    axes.fill_between(x, mean - BAND * error, mean + BAND * error, color=color, alpha=0.15, linewidth=0)
    for entry in arm.beyond:
        if entry.factor == DOUBLE and entry.per_position:
            tail = _smooth(entry.per_position[length:])  # apart, or the step at the edge would be smeared
            style = _STYLES[entry.method]
            label = None if entry.method == "direct" else f"{arm.encoding}, {entry.method}"
            axes.plot(np.arange(length, length + len(tail)), tail, style, color=color, label=label)


def draw_curves(results: Comparison, file: Path) -> Path:
    """Draw the validation loss during training."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for index, arm in enumerate(results.arms):
        for number, curve in enumerate(arm.curves):
            axes.plot(
                [point.step for point in curve.points],
                [point.validation for point in curve.points],
                marker=".",
                color=_COLORS[index % len(_COLORS)],
                label=arm.encoding if number == 0 else None,
            )
    axes.set(xlabel="step", ylabel="loss (nats per token)", title="Validation loss during training")
    if axes.get_legend_handles_labels()[0]:  # none where no arm finished
        axes.legend(fontsize="small")
    _save(figure, file)
    return file


def draw_cosines(table: NDArray[np.floating], name: str, file: Path) -> Path:
    """Draw the cosine similarity of every pair of centered rows; only every k-th row of large tables."""
    require_matplotlib()
    from matplotlib.figure import Figure

    step = -(-len(table) // _LARGEST)
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(
        cosine_matrix(table[::step]),
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        extent=(-0.5, len(table) - 0.5, len(table) - 0.5, -0.5),
    )
    every = f", every {step}th row" if step > 1 else ""
    axes.set(xlabel="position", ylabel="position", title=f"{name}: cosine of centered rows{every}")
    figure.colorbar(image, ax=axes, label="cosine")
    _save(figure, file)
    return file


def _save(figure: Figure, file: Path) -> None:
    write_whole(file, lambda partial: figure.savefig(partial, format="png", dpi=120))


def _smooth(values: Sequence[float | None], width: int = _WIDTH) -> NDArray[np.float64]:
    """Return the running mean over ``width`` positions, shorter at the ends, gaps left out."""
    array = np.array([np.nan if value is None else value for value in values])
    present = np.isfinite(array)
    kernel = np.ones(min(width, len(array)))
    total = np.convolve(np.where(present, array, 0.0), kernel, mode="same")
    count = np.convolve(present.astype(float), kernel, mode="same")
    smooth: NDArray[np.float64] = np.divide(total, count, out=np.full(len(array), np.nan), where=count > 0)
    return smooth
