"""Ask timm how it reads a checkpoint: a model on the meta device, compared with the weights by name and shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.extension.check.inputs import Arguments
from posembed.extension.check.reading import CannotCheckError, Reading
from posembed.extension.check.source_runs import nothing_prepared


def read_shapes(folder: Path) -> Reading:
    """Return how the weights of a folder fit the model that its configuration describes.

    timm itself would resize a table that does not fit; such a table counts as mismatched here.

    Raises:
        CannotCheckError: for a model that the installed version does not know.
    """
    import timm

    checkpoint = open_checkpoint(folder)
    name = str(checkpoint.config["architecture"])
    if not timm.is_model(name):
        raise CannotCheckError(f"timm {timm.__version__} has no model {name}")
    with torch.device("meta"):
        model: Any = timm.create_model(f"local-dir:{checkpoint.directory}", pretrained=False)
    built = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    stored = {key: tensor.shape for key, tensor in checkpoint.tensors.items()}
    return Reading(
        f"{name} of timm {timm.__version__}",
        frozenset(built.keys() - stored.keys()),
        frozenset(stored.keys() - built.keys()),
        {key: (stored[key], built[key]) for key in stored.keys() & built.keys() if stored[key] != built[key]},
    )


def prepared(_: Path, names: Sequence[str], /) -> Arguments:
    """Return nothing: timm's transforms follow the size of the model."""
    return nothing_prepared(names)


def load_model(folder: CheckpointPath) -> Any:
    """Return the model of a folder, or of an opened checkpoint, its weights in memory.

    It is called as one of Transformers is: with ``pixel_values``, of the size that its configuration names.
    """
    import timm

    checkpoint = open_checkpoint(folder)
    model: Any = timm.create_model(f"local-dir:{checkpoint.directory}", pretrained=True)
    return _AsTransformers(model.eval())


class _Config:
    """The size of the images that a timm model takes, under Transformers' names."""

    def __init__(self, model: Any) -> None:
        patches = getattr(model, "patch_embed", None)
        height, width = getattr(patches, "img_size", None) or model.pretrained_cfg["input_size"][1:]
        self.image_size = (int(height), int(width))
        self.num_channels = int(model.pretrained_cfg.get("input_size", (3,))[0])


class _AsTransformers(torch.nn.Module):
    """Calls a timm model by the name of Transformers' argument."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.config = model, _Config(model)

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor]:
        """Return the model's output."""
        return (self.model(pixel_values),)
