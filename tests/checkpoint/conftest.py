"""Small checkpoints written by hand: names, shapes and files as published models have them, random numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

Write = Callable[..., Path]
POSITION = "embeddings.position_embeddings.weight"


def numbers(*shape: int, dtype: Any = np.float32) -> Any:
    """Random values that depend on the shape alone."""
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a directory: tensors to model.safetensors, other arguments as JSON files (``config`` → config.json)."""

    def written(tensors: dict[str, Any], name: str = "source", **files: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            key: numbers(*value) if isinstance(value, tuple) else np.ascontiguousarray(value)
            for key, value in tensors.items()
        }
        save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})
        for file, content in files.items():
            (folder / f"{file}.json").write_text(json.dumps(content, indent=2))
        return folder

    return written


@pytest.fixture
def bert(write: Write) -> Path:
    """A BERT with a tokenizer, 16 positions, no buffers."""
    return write(
        {
            "embeddings.word_embeddings.weight": (50, 8),
            POSITION: (16, 8),
            "embeddings.token_type_embeddings.weight": (2, 8),
            "embeddings.LayerNorm.weight": (8,),
            "encoder.layer.0.output.dense.weight": (8, 32),
        },
        config={"model_type": "bert", "hidden_size": 8, "max_position_embeddings": 16, "type_vocab_size": 2},
        tokenizer_config={"model_max_length": 16, "do_lower_case": True},
        tokenizer={"version": "1.0", "truncation": {"max_length": 12, "strategy": "LongestFirst"}, "padding": None},
        special_tokens_map={"pad_token": "[PAD]"},
    )
