"""What ``force`` may replace: a file, an empty directory, or one that holds a checkpoint and nothing else."""

from __future__ import annotations

import filecmp
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.files import is_hidden_name

# Files by which a directory is recognized as a checkpoint; one of them must lie at its top: weights, or a configuration
# with a key that only a model's has, since many programs have a config.json.
_WEIGHTS = re.compile(r".+\.(?:safetensors|bin|pt|pth|ckpt|h5|msgpack|gguf|onnx)", re.IGNORECASE)
_CONFIGURATION = re.compile(
    r"(?:config|open_clip_config|modules|model_index|adapter_config|params)\.json", re.IGNORECASE
)
_OF_MODELS = frozenset(
    {"model_type", "architectures", "architecture", "transformers_version", "_class_name", "_diffusers_version"}
    | {"model_cfg", "preprocess_cfg", "pretrained_cfg", "peft_type", "base_model_name_or_path"}
    | {"hidden_size", "d_model", "n_layers", "n_layer", "n_embd", "vocab_size", "max_position_embeddings"}
)
# Files that checkpoints consist of. Formats that hold anything (JSON, YAML, text, Markdown, Python) count by name only:
# under other names they are somebody's own work, which must not be lost because a configuration lies beside it.
_BELONGING = re.compile(
    # weights, in whatever format, and their indexes
    r".+\.(?:safetensors|bin|pt|pth|pth\.tar|ckpt|h5|msgpack|ot|onnx|onnx_data|onnx\.data|ort|gguf|ggml|tflite|mlmodel"
    r"|pb|npz|nemo|t7|distcp|index)|openvino_[\w.-]*\.xml|variables\.data-[\w-]+"
    # configurations, vocabularies, states of a training, results of an evaluation
    r"|[\w.-]*(?:config|token|vocab|index|state|modules|params|args|normalizer|label|id2|2id|template|encoder|prompt"
    r"|calibration|posembed|quant|manifest|metadata|lang|map|merges|alphabet|(?:all|eval|train|test|predict)_results)"
    r"[\w.-]*\.json"
    r"|[\w.-]*(?:config|params)[\w.-]*\.ya?ml"
    r"|(?:vocab|vocabulary|merges|dict|labels|classes|emoji|special_tokens|added_tokens|requirements)"
    r"(?:[._-][\w.-]*)?\.txt"
    r"|(?:vocab|merges|bpe)(?:\.\w+)?|.+\.(?:model|model\.v\d+|spm|bpe|tiktoken|vocab|codes|jinja)"
    r"|[\w.@-]+_(?:results|evaluation)[\w.@-]*\.csv"
    # code that a configuration names
    r"|(?:modeling|configuration|tokenization|processing|preprocessing|image_processing|video_processing"
    r"|feature_extraction|pipeline|custom|handler|zero_to_fp)_?\w*\.py"
    # what a hub and a training add
    r"|(?:readme|licen[cs]e|notice|copying|use_policy|model_?card|citation)(?:[._-][\w.-]*)?"
    r"|\.gitattributes|\.ds_store|\.metadata|latest|events\.out\.tfevents\..+",
    re.IGNORECASE,
)
_HISTORIES = frozenset({".git", ".hg", ".svn", ".bzr", ".jj"})  # folders in which a repository keeps its past
_DOWNLOAD = Path(".cache", "huggingface")  # how `hf download --local-dir` remembers what it has
_NAMED = 4  # files that a message names before it counts the others


def require_replaceable(target: Path, source: Path) -> None:
    """Refuse to replace anything but a file, an empty directory, or a checkpoint that holds nothing else.

    Args:
        target: what would be replaced; it exists.
        source: the checkpoint that is copied. A file that ``target`` has from it, byte for byte, is not lost.

    Raises:
        InvalidArgumentError: naming what would be lost.
    """
    mode = target.lstat().st_mode
    if stat.S_ISREG(mode):
        return
    if not stat.S_ISDIR(mode):
        raise InvalidArgumentError(f"{target} is neither a file nor a directory: choose another path")
    names = os.listdir(target)  # noqa: PTH208 - `iterdir` may pass errors over
    foreign = [path for path in sorted(_foreign(target)) if not _is_copy(target / path, source / path)]
    if foreign:
        listed = ", ".join(str(path) for path in foreign[:_NAMED])
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        raise InvalidArgumentError(
            f"{target} holds {listed}{more}, which no checkpoint consists of: force=True replaces checkpoints only, so "
            "move what is yours elsewhere, or choose another path"
        )
    if names and not any(_is_mark(target / name) for name in names):
        raise InvalidArgumentError(
            f"{target} has neither weights nor the configuration of a model at its top: force=True replaces "
            "checkpoints only, so remove it yourself, or choose another path"
        )


def _is_mark(path: Path) -> bool:
    """Return whether a file makes its directory a checkpoint."""
    if not path.is_file():
        return False
    if _WEIGHTS.fullmatch(path.name):
        return True
    if not _CONFIGURATION.fullmatch(path.name):
        return False
    try:
        found = read_json_value(path)
    except CheckpointError:
        return False
    if isinstance(found, list):  # the modules of sentence-transformers
        return any(isinstance(each, dict) and {"path", "type"} <= each.keys() for each in found)
    return isinstance(found, dict) and bool(_OF_MODELS & found.keys())


def _foreign(target: Path) -> Iterator[Path]:
    """Yield what no checkpoint consists of, relative to the directory; of a repository's history, only its name."""
    waiting = [Path()]
    while waiting:
        inner = waiting.pop()
        hidden = any(part.startswith(".") for part in inner.parts)
        for name in os.listdir(target / inner):  # noqa: PTH208 - `iterdir` may pass errors over
            path = inner / name
            mode = (target / path).lstat().st_mode
            if name in _HISTORIES:
                yield path
            elif stat.S_ISDIR(mode):
                if path != _DOWNLOAD:
                    waiting.append(path)
            elif is_hidden_name(name) and stat.S_ISREG(mode):
                continue  # what a run that was killed had not finished
            elif hidden or not _BELONGING.fullmatch(name) or not (stat.S_ISREG(mode) or _links_to_file(target / path)):
                yield path


def _links_to_file(path: Path) -> bool:
    """Return whether it is a link to a file: removing it removes no content."""
    return path.is_symlink() and path.is_file()


def _is_copy(path: Path, origin: Path) -> bool:
    """Return whether both are files of the same bytes."""
    if path.is_symlink() or not path.is_file() or not origin.is_file():
        return False
    return filecmp.cmp(path, origin, shallow=False)
