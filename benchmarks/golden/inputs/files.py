"""Single files: state dicts of other libraries, tables of which something is known, and files that are damaged."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

Rows = NDArray[np.float32]


def _rows(seed: int, *shape: int) -> Rows:
    return (np.random.default_rng(seed).normal(size=shape) * 0.02).astype(np.float32)


def smooth_rows(rows: int, width: int, seed: int = 0) -> Rows:
    """Rows that change slowly, as those of trained tables do."""
    draw = np.random.default_rng(seed)
    waves = np.cos(np.arange(rows)[:, None] * draw.uniform(0.01, 0.3, width) + draw.uniform(0, 6, width))
    return (waves * 0.05 + draw.normal(size=(rows, width)) * 0.004).astype(np.float32)


def sinusoid(rows: int, width: int) -> Rows:
    """The table of the formula."""
    angles = np.arange(rows)[:, None] / 10000.0 ** (np.arange(width // 2) * 2 / width)
    return np.stack((np.sin(angles), np.cos(angles)), axis=2).reshape(rows, width).astype(np.float32)


def write_files(folder: Path) -> None:
    """Write them all beside the checkpoints, which must be there already."""
    folder.mkdir(parents=True, exist_ok=True)
    timm = {
        "cls_token": _rows(1, 1, 1, 16),
        "pos_embed": _rows(2, 1, 17, 16),
        "patch_embed.proj.weight": _rows(3, 16, 3, 16, 16),
        "norm.weight": _rows(4, 16),
    }
    save_file(timm, folder / "timm.safetensors")
    torch.save({name: torch.from_numpy(value) for name, value in timm.items()}, folder / "timm.pth")
    save_file(
        {
            "positional_embedding": _rows(5, 77, 16),
            "token_embedding.weight": _rows(6, 64, 16),
            "visual.class_embedding": _rows(7, 16),
            "visual.positional_embedding": _rows(8, 17, 16),
            "visual.conv1.weight": _rows(9, 16, 3, 16, 16),
        },
        folder / "open-clip.safetensors",
    )
    save_file({"pos": _rows(10, 197, 16), "encoder.my_rows": _rows(11, 130, 16)}, folder / "own.safetensors")
    save_file({"dense.weight": _rows(12, 4, 4)}, folder / "no-table.safetensors")
    save_file({"wpe.weight": sinusoid(64, 16)}, folder / "sinusoid.safetensors")
    partly = np.concatenate([smooth_rows(160, 32), _rows(13, 96, 32)])
    save_file({"wpe.weight": partly}, folder / "partly-trained.safetensors")
    save_file({"wpe.weight": smooth_rows(128, 32, seed=5)}, folder / "trained.safetensors")
    save_file({"wpe.weight": np.tile(smooth_rows(48, 16), (4, 1))}, folder / "tiled.safetensors")
    _write_damaged(folder)


def _write_damaged(folder: Path) -> None:
    (folder / "three-bytes.safetensors").write_bytes(b"abc")
    whole = (folder / "timm.safetensors").read_bytes()
    (folder / "truncated.safetensors").write_bytes(whole[:-100])
    (folder / "lying.safetensors").write_bytes((2**40).to_bytes(8, "little") + whole[8:])
    holes = _rows(14, 32, 8)
    holes[3, 3] = np.nan
    save_file({"wpe.weight": holes}, folder / "nan.safetensors")
    (folder / "with-code.bin").write_bytes(pickle.dumps({"wpe.weight": _Code()}))
    outside = folder / "index-outside"
    shutil.copytree(folder / "bart-sharded", outside)
    index = json.loads((outside / "model.safetensors.index.json").read_text(encoding="utf-8"))
    index["weight_map"] = dict.fromkeys(index["weight_map"], "../bert/model.safetensors")
    (outside / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    broken = folder / "broken-config"
    shutil.copytree(folder / "bert", broken)
    (broken / "config.json").write_text("{", encoding="utf-8")
    (folder / "empty-folder").mkdir()
    (folder / "a-page.html").write_text("<p>somebody's own page</p>", encoding="utf-8")


class _Code:
    """An object whose pickle runs a function when it is loaded; a harmless one."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not be run",)
