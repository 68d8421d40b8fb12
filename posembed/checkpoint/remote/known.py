"""Names of the files that a checkpoint consists of, for servers that do not list a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

FILES = (
    *(".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".tar", ".pkl", ".json"),
    *(".gguf", ".onnx", ".npz", ".npy", ".h5", ".msgpack", ".zip", ".gz"),
)
"""Endings of files: an address that ends otherwise is taken for a folder."""

BESIDE_A_FILE = (
    "config.json",
    "open_clip_config.json",
    "adapter_config.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
)
"""Files that say what a weight file beside them is."""

KNOWN = (
    *BESIDE_A_FILE,
    *("model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin"),
    *("adapter_model.safetensors", "adapter_model.bin"),
    *("tokenizer.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja", "chat_template.json"),
    *("image_processor_config.json", "video_preprocessor_config.json", "feature_extractor_config.json"),
    *("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "router_config.json"),
    *("sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_xlm-roberta_config.json"),
    *("posembed.json", "calibration.json", "length_aware.safetensors"),
    *("README.md", "LICENSE", "normalizer.json", "preprocessor.json"),
)
"""Files of a folder that is not listed, as Transformers, sentence-transformers, open_clip and posembed name them."""


def shards_in(index: bytes) -> list[str]:
    """Return the names of the files that an index of shards names; none where it is broken, which its reader says.

    Example:
        >>> shards_in(b'{"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}}')
        ['1.safetensors']
    """
    content = _parsed(index)
    mapping = content.get("weight_map") if isinstance(content, dict) else None
    names = mapping.values() if isinstance(mapping, dict) else ()
    return list(dict.fromkeys(name for name in names if _is_inside(name)))


def folders_in(modules: bytes) -> list[str]:
    """Return the folders of sentence-transformers' modules.

    Example:
        >>> folders_in(b'[{"path": ""}, {"path": "1_Pooling"}]')
        ['1_Pooling']
    """
    return list(dict.fromkeys(_folders(_parsed(modules))))


def _folders(listed: object) -> Iterator[str]:
    for each in listed if isinstance(listed, list) else ():
        name = each.get("path") if isinstance(each, dict) else None
        if name and _is_inside(name):
            yield str(name).strip("/")


def _is_inside(name: object) -> bool:
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
