"""Tensors of formats with names of their own, under the names by which the laws of model families know them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from posembed.checkpoint.formats.weight_file import WeightFile
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.families import IMAGE_WORD, POSITION_WORD, TOKEN_TYPE, gguf
from posembed.find.flax_tables import read_flax
from posembed.find.found import FoundTable
from posembed.find.kinds import TableKind
from posembed.layout import TableLayout

# Names that say what a table is: the graph is asked about others alone.
_SAYS = f"{POSITION_WORD}|{TOKEN_TYPE}"


@dataclass(frozen=True, slots=True)
class Renamed:
    """A checkpoint's tensors under known names.

    Attributes:
        tensors: by known name.
        keys: the keys of those that are stored under another one, by known name.
    """

    tensors: Mapping[str, StoredTensor]
    keys: Mapping[str, str]

    def restored(self, table: FoundTable) -> FoundTable:
        """Return a table under the key by which the file has it, in its evidence too."""
        key = self.keys.get(table.key)
        if key is None:
            return table
        evidence = tuple(sentence.replace(table.key, key) for sentence in table.evidence)
        return replace(table, key=key, evidence=evidence)


def renamed(checkpoint: Checkpoint) -> Renamed:
    """Return a checkpoint's tensors by the names that the laws know."""
    if not checkpoint.others:
        return Renamed(checkpoint.tensors, {})
    tensors: dict[str, StoredTensor] = {}
    keys: dict[str, str] = {}
    roles = _roles(checkpoint)
    for key, tensor in checkpoint.tensors.items():
        name = _known(key, checkpoint.others[tensor.file], roles) if tensor.file in checkpoint.others else key
        if name == key or name in tensors or name in checkpoint.tensors:  # no tensor may take another one's name
            tensors[key] = tensor
        else:
            tensors[name], keys[name] = replace(tensor, key=name), key
    return Renamed(tensors, keys)


def _roles(checkpoint: Checkpoint) -> dict[str, str]:
    """Return the names that graphs give to tensors whose own names say nothing."""
    roles: dict[str, str] = {}
    if any(file.path.suffix.lower() == ".onnx" for file in checkpoint.others.values()):
        from posembed.checkpoint.formats.onnx.file import OnnxFile
        from posembed.find.onnx_graph import graph_names

        for file in checkpoint.others.values():
            if isinstance(file, OnnxFile):
                roles |= {key: name for key, name in graph_names(file).items() if not re.search(_SAYS, key)}
    return roles


def _known(key: str, file: WeightFile, roles: Mapping[str, str]) -> str:
    """Return the name of a tensor in a PyTorch model."""
    if key in roles:
        return roles[key]
    if file.path.suffix.lower() == ".npz":
        return key.replace("/", ".")
    for pattern, name in gguf.GGUF_NAMES:
        if (match := re.fullmatch(pattern, key)) is not None:
            return match.expand(name)
    return key


def read_own(checkpoint: Checkpoint, key: str) -> FoundTable | None:
    """Return the table that a tensor is by a format's own names and layout; ``None`` where the general laws decide."""
    tensor = checkpoint.tensors[key]
    if tensor.file in checkpoint.others and tensor.file.suffix.lower() == ".npz" and not checkpoint.config:
        return read_flax(tensor, checkpoint.tensors)
    return None


def explained_by_graph(table: FoundTable, checkpoint: Checkpoint) -> FoundTable:
    """Return a sequence table without its doubt if the graph that reads it shows which row is the first position."""
    file = checkpoint.others.get(table.file)
    doubtful = table.uncertain and table.refused is None and table.kind is TableKind.SEQUENCE
    if file is None or file.path.suffix.lower() != ".onnx" or not doubtful:
        return table
    from posembed.checkpoint.formats.onnx.file import OnnxFile
    from posembed.find.onnx_graph import first_row, fixed_positions

    if not isinstance(file, OnnxFile):
        return table
    fixed = fixed_positions(file, table.key)
    if fixed is not None and re.search(IMAGE_WORD, table.key):  # of patches there are as many for every input
        return replace(table, evidence=(*table.evidence, f"the graph reads {fixed} rows, whatever its input"))
    first = first_row(file, table.key)
    if first is None or not 0 <= first < table.layout.rows:
        return table
    layout = TableLayout(length=table.layout.rows - first, reserved=first)
    evidence = (*table.evidence[:1], f"reserved {first}: the graph's position numbers begin there")
    return replace(table, layout=layout, uncertain=False, evidence=evidence)
