"""What to do with a path that holds no weights that can be read: what it is, and the way from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.json_object import read_json
from posembed.checkpoint.partial import open_binary
from posembed.checkpoint.tree import listed
from posembed.errors import CheckpointError, InvalidArgumentError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".tar", ".pkl")
"""Endings of PyTorch files; ``.pth.tar`` is one of them by name, not by content."""

_ADAPTER = "adapter_config.json"
_ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_MOST_NAMED = 5  # files or folders that a message lists
_TENSORFLOW = (
    "a part of a TensorFlow checkpoint: convert it with `transformers-cli convert` of Transformers 4, and extend that"
)
_WAYS_OUT = {
    ".t7": "a file of Lua Torch: read it with the package torchfile, save its tensors with torch.save, and extend that",
    ".h5": "TensorFlow weights: save the model as safetensors with Transformers 4 (from_tf=True), and extend that",
    ".keras": "a Keras model: save its weights as safetensors, under the names of a PyTorch model, and extend that",
    ".pb": "a TensorFlow graph: save its checkpoint as safetensors with Transformers 4 (from_tf=True), and extend that",
    ".index": _TENSORFLOW,
    ".meta": _TENSORFLOW,
    ".data-00000-of-00001": _TENSORFLOW,
    ".msgpack": "Flax weights: save the model as safetensors with Transformers 4 (from_flax=True), and extend that",
    ".tflite": "a TensorFlow Lite model: extend the checkpoint that it was made from, and convert the copy again",
    ".ggml": "a GGML file of before GGUF: convert the model again with a current llama.cpp",
    ".npy": "a NumPy array: extend it with posembed.extend_table",
    ".pdparams": "PaddlePaddle weights: convert them to safetensors first",
    ".distcp": "a shard of a distributed checkpoint: join them with "
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch`, and extend the result",
    ".gz": "compressed: unpack it first",
    ".zip": "an archive: unpack it first",
    ".7z": "an archive: unpack it first",
    ".xz": "compressed: unpack it first",
}
_MAGIC = (b"PK\x03\x04", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")  # torch's archive; torch's pickle of before 1.6


def is_pickle(file: Path) -> bool:
    """Return whether a file is a PyTorch file by its ending, or by its first bytes where the ending says nothing."""
    if file.suffix in PICKLES:
        return True
    if file.suffix in _WAYS_OUT or not file.is_file():
        return False
    with open_binary(file) as stream:
        return stream.read(len(_MAGIC[1])).startswith(_MAGIC)


def refuse_file(file: Path) -> InvalidArgumentError:
    """Return the error for a file that is no checkpoint: what it is, and what to do."""
    way = _WAYS_OUT.get(file.suffix.lower())
    if way is not None:
        return InvalidArgumentError(f"checkpoint={str(file)!r} is {way}")
    return InvalidArgumentError(
        f"checkpoint={str(file)!r} is neither a directory nor a .safetensors, {', '.join(PICKLES)} or .index.json file"
    )


def refuse_adapter(path: Path) -> None:
    """Refuse the weights of a PEFT adapter, or a directory that has no others.

    Raises:
        InvalidArgumentError: with the base model, which is what must be extended.
    """
    directory = path if path.is_dir() else path.parent
    config = directory / _ADAPTER
    if (path.is_file() and path.name not in _ADAPTER_WEIGHTS) or not config.is_file():
        return
    base = read_json(config).get("base_model_name_or_path")
    named = f", {str(base)[:200]!r}" if base else ""
    raise InvalidArgumentError(
        f"{directory}: is an adapter, not a model: the position tables are those of its base{named}. Extend its base, "
        f"then set base_model_name_or_path in {_ADAPTER} to the extended copy"
    )


def no_weights(directory: Path, looked_for: tuple[str, ...]) -> str:
    """Return what to say of a directory without weights: what else lies there."""
    files = [path for path in listed(directory) if path.is_file()] if directory.is_dir() else []
    if any(path.suffix == ".distcp" for path in files):
        return f"{directory}: is {_WAYS_OUT['.distcp'].replace('a shard of ', '')}"
    if any(path.name == "zero_to_fp32.py" for path in files):
        return f"{directory}: holds the shards of DeepSpeed ZeRO: join them with zero_to_fp32.py, and extend the result"
    hint = ""
    pickles = [path.name for path in files if path.suffix in PICKLES]
    others = [path for path in files if path.suffix in _WAYS_OUT]
    below = list(dict.fromkeys(path.parent.name for path in _weights_below(directory)))
    graphs = sorted(str(path.relative_to(directory)) for path in directory.glob("*/*.onnx"))
    if pickles:
        hint = f"; it holds {', '.join(pickles[:_MOST_NAMED])}: name that file"
    elif below:
        hint = f"; weights lie in {', '.join(below[:_MOST_NAMED])}: name that folder"
    elif graphs:
        hint = f"; it holds {', '.join(graphs[:_MOST_NAMED])}: name that file"
    elif others:
        hint = f"; {others[0].name} is {_WAYS_OUT[others[0].suffix]}"
    return f"{directory}: no weights found (looked for {', '.join(looked_for)}){hint}"


def _weights_below(directory: Path) -> Iterator[Path]:
    for ending in (".safetensors", *PICKLES):
        yield from sorted(path for path in directory.glob(f"*/*{ending}") if not path.parent.name.startswith("."))


def no_transformer(root: Path, modules: object) -> str:
    """Return what to say of sentence-transformers modules without a Transformer: a Router's parts."""
    file = root / "modules.json"
    parts: list[str] = []
    for module in modules if isinstance(modules, list) else ():
        kind = str(module.get("type", "")).rpartition(".")[2] if isinstance(module, dict) else ""
        if kind in ("Router", "Asym"):
            parts += _parts_of_router(root / str(module.get("path", "")))
    if parts:
        return (
            f"{file}: routes its inputs to several models: name "
            f"{'the one with a position table, ' if len(parts) == 1 else 'one of those with position tables, '}"
            f"{', '.join(parts[:_MOST_NAMED])}, and put its extended copy in its place"
        )
    return f"{file}: lists no Transformer module, so there is no position table to find"


def _parts_of_router(folder: Path) -> list[str]:
    for name in ("router_config.json", "config.json"):  # the second of sentence-transformers before 5
        if (folder / name).is_file():
            types = read_json(folder / name).get("types")
            if not isinstance(types, dict):
                raise CheckpointError(f"{folder / name}: has no `types` of its parts")
            return [str(folder / part) for part, kind in types.items() if str(kind).endswith("Transformer")]
    return []
