"""Load the embeddings of a Transformers state dict into a :class:`posembed.TokenPositionEmbedding`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from posembed.errors import ArgumentTypeError, StateDictError
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.state_dict_names import NAMING_LAWS, NamingLaw
from posembed.nn.token_position import TokenPositionEmbedding


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Report of what :func:`posembed.load_transformers_state_dict` did with each key.

    Attributes:
        family: the family whose names were found: ``"bert"``, ``"roberta"``, ``"distilbert"``, ``"mpnet"``, ``"gpt2"``,
            ``"opt"``, or ``"bert-like"`` where names alone do not distinguish BERT from RoBERTa.
        loaded: name in the module → key it was loaded from.
        dropped: old buffers (``position_ids``, ``token_type_ids``), which the module does not need.
        outside: keys of other parts of the model, which were not read.
    """

    family: str
    loaded: dict[str, str]
    dropped: tuple[str, ...]
    outside: tuple[str, ...]


_ARGUMENT = {"token": "vocab_size", "position": "max_len", "segment": "type_vocab_size", "norm": "d_model"}
_ABSENT = {"segment": "type_vocab_size=0", "norm": "layer_norm_eps=None", "position": "position='none'"}
_WIDENING = {
    torch.float16: (torch.float32, torch.float64),
    torch.bfloat16: (torch.float32, torch.float64),
    torch.float32: (torch.float64,),
}


def load_transformers_state_dict(module: TokenPositionEmbedding, state_dict: Mapping[str, Tensor]) -> LoadReport:
    """Copy the embeddings of a BERT, RoBERTa, XLM-R, DistilBERT, MPNet, GPT-2 or OPT state dict into ``module``.

    The state dict may be that of the whole model, under any wrapper's prefix. Old buffers (``position_ids``,
    ``token_type_ids``) are dropped and reported; everything else must match. Everything is checked before anything is
    copied: if the function raises, the module has not changed.

    A prefix ``roberta.`` distinguishes RoBERTa from BERT. Bare ``embeddings.…`` names are the same in both: nothing is
    guessed then, and ``reserved`` is what the module was built with (2 for RoBERTa and XLM-R).

    Args:
        module: built for the model, for example with :meth:`posembed.TokenPositionEmbedding.from_preset`.
            It is changed in place and keeps its device and dtype.
        state_dict: names and tensors, on any device, in the module's dtype or one that it represents without loss.

    Raises:
        StateDictError: if a tensor is missing, unknown, duplicated, of another shape or of a dtype that would lose
            precision, or if the rows of the table have another meaning in ``module``.
        ArgumentTypeError: if an argument has the wrong type.

    Source:
        huggingface/transformers: ``modeling_bert.py``, ``modeling_roberta.py``, ``modeling_distilbert.py``,
        ``modeling_mpnet.py``, ``modeling_gpt2.py``, ``modeling_opt.py``.

    Example:
        >>> embed = TokenPositionEmbedding(vocab_size=10, max_len=6, d_model=4)
        >>> state_dict = {
        ...     "transformer.wte.weight": torch.ones(10, 4),
        ...     "transformer.wpe.weight": torch.zeros(6, 4),
        ...     "lm_head.weight": torch.ones(10, 4),
        ... }
        >>> load_transformers_state_dict(embed, state_dict)  # doctest: +NORMALIZE_WHITESPACE
        LoadReport(family='gpt2',
            loaded={'token.weight': 'transformer.wte.weight', 'position.weight': 'transformer.wpe.weight'},
            dropped=(), outside=('lm_head.weight',))
    """
    if not isinstance(module, TokenPositionEmbedding):
        raise ArgumentTypeError(f"module must be a TokenPositionEmbedding, got {type(module).__name__}")
    if not isinstance(state_dict, Mapping) or not all(isinstance(key, str) for key in state_dict):
        raise ArgumentTypeError(f"state_dict must map names to tensors, got {type(state_dict).__name__}")
    family, prefix = _find_family(state_dict)
    law = NAMING_LAWS[family]
    report, unknown = _sort_keys(family, prefix, state_dict)
    targets = _targets(module, family)
    _check_parts(report, targets, prefix)
    _check_unknown(law, prefix, unknown)
    _check_reserved(module, law, family)
    for ours, theirs in report.loaded.items():
        _check_tensor(ours, targets[ours], theirs, state_dict[theirs], getattr(module.position, "reserved", 0))
    with torch.no_grad():
        for ours, theirs in report.loaded.items():
            targets[ours].copy_(state_dict[theirs])
    return report


def _find_family(state_dict: Mapping[str, Tensor]) -> tuple[str, str]:
    """Return the family and the prefix of the token and position tables."""
    found: dict[str, str] = {}  # prefix -> family
    for key in state_dict:
        for family, law in NAMING_LAWS.items():
            for name in (*law.names["token.weight"], *law.names["position.weight"]):
                prefix = key.removesuffix(name)
                fits = f".{prefix}".endswith(f".{law.prefix_end}") or (law.bare and not prefix)
                if prefix != key and fits:
                    found.setdefault(prefix, family)
    if not found:
        known = ", ".join(law.prefix_end + name for law in NAMING_LAWS.values() for name in law.names["token.weight"])
        raise StateDictError(
            f"state_dict has no token table under a known name among its {len(state_dict)} keys ({_some(state_dict)}); "
            f"known are {known}: rename the keys, or copy into module.token.weight and module.position.weight yourself"
        )
    if len(found) > 1:
        raise StateDictError(
            f"state_dict holds embeddings in {len(found)} places ({_some(sorted(found))}): pass the entries of one of "
            "them, {key: value for key, value in state_dict.items() if key.startswith(prefix)}"
        )
    prefix, family = next(iter(found.items()))
    return family, prefix


def _sort_keys(family: str, prefix: str, state_dict: Mapping[str, Tensor]) -> tuple[LoadReport, list[str]]:
    """Return what each key is for, and the unknown keys."""
    law = NAMING_LAWS[family]
    ours_of = {theirs: ours for ours, names in law.names.items() for theirs in names}
    loaded: dict[str, str] = {}
    dropped, outside, unknown = [], [], []
    for key in state_dict:
        name = key.removeprefix(prefix)
        if not key.startswith(prefix) or name.split(".")[0] in law.neighbors:
            outside.append(key)
        elif name in law.buffers:
            dropped.append(key)
        elif name not in ours_of:
            unknown.append(key)
        elif ours_of[name] in loaded:
            raise StateDictError(
                f"{key} and {loaded[ours_of[name]]} are both {ours_of[name]}: remove one of them from state_dict"
            )
        else:
            loaded[ours_of[name]] = key
    return LoadReport(family, loaded, tuple(dropped), tuple(outside)), unknown


def _check_unknown(law: NamingLaw, prefix: str, unknown: list[str]) -> None:
    if unknown:
        known = [name for names in law.names.values() for name in names]
        why = (law.unsupported or {}).get(
            unknown[0].removeprefix(prefix), f"known are {', '.join([*known, *law.buffers])}"
        )
        raise StateDictError(
            f"{unknown[0]} does not belong in TokenPositionEmbedding ({why}): remove it from state_dict if it is not "
            "needed"
        )


def _targets(module: TokenPositionEmbedding, family: str) -> dict[str, Tensor]:
    if not isinstance(module.position, LearnedPositionalEmbedding):
        raise StateDictError(
            f"module.position is {type(module.position).__name__}, and {family} weights hold a learned position table: "
            "build the module with position='learned'"
        )
    return dict(module.named_parameters())


def _check_parts(report: LoadReport, targets: Mapping[str, Tensor], prefix: str) -> None:
    """Require that the state dict and the module have the same tensors."""
    law = NAMING_LAWS[report.family]
    for ours in targets:
        if ours in report.loaded:
            continue
        part = ours.split(".")[0]
        if ours not in law.names:
            raise StateDictError(
                f"the module has {ours}, which {report.family} embeddings do not have: "
                + (f"build the module with {_ABSENT[part]}" if part in _ABSENT else "build the module without it")
            )
        raise StateDictError(
            f"state_dict lacks {' or '.join(prefix + name for name in law.names[ours])}, which {ours} is loaded from: "
            "pass all embeddings of the model"
            + (f", or build the module with {_ABSENT[part]} if it has none" if part in _ABSENT else "")
        )
    for ours, theirs in report.loaded.items():
        if ours not in targets:
            wanted = "a layer_norm_eps" if ours.startswith("norm") else "its type_vocab_size"
            raise StateDictError(f"{theirs} cannot be loaded: the module has no {ours}; build the module with {wanted}")


def _check_reserved(module: TokenPositionEmbedding, law: NamingLaw, family: str) -> None:
    """Require that the rows mean the same positions: the same shape is not enough."""
    assert isinstance(module.position, LearnedPositionalEmbedding)
    if law.reserved is None:
        return
    wanted, why = law.reserved, f"{family} tables have {law.reserved}"
    if isinstance(wanted, str):
        ids = (module.position.padding_idx, module.token.padding_idx, 1)
        pad = next(i for i in ids if i is not None)
        wanted, why = pad + 1, f"{family} tables have padding_idx + 1, with padding_idx={pad}"
    if module.position.reserved != wanted:
        raise StateDictError(
            f"module.position.reserved is {module.position.reserved}, but {why} reserved rows: build the module with "
            f"reserved={wanted}, otherwise every position would read the row of another"
        )


def _check_tensor(ours: str, target: Tensor, theirs: str, tensor: Tensor, reserved: int) -> None:
    if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_meta:
        kind = f"a {tensor.layout} tensor on {tensor.device}" if isinstance(tensor, Tensor) else type(tensor).__name__
        raise StateDictError(f"{theirs} is {kind}, but must be a dense tensor with values: convert it first")
    if target.is_meta:
        raise StateDictError(f"{ours} is on the meta device, which holds no values: call module.to_empty first")
    if target.is_inference() and not torch.is_inference_mode_enabled():
        raise StateDictError(
            f"{ours} was made inside torch.inference_mode, which allows no change outside it: build the module outside"
        )
    if not tensor.is_floating_point():
        raise StateDictError(
            f"{theirs} has dtype {tensor.dtype}, but {ours} is {target.dtype}, and only floating-point weights can be "
            "loaded: dequantize it first"
        )
    if tensor.shape != target.shape:
        raise StateDictError(
            f"{theirs} has shape {list(tensor.shape)}, but {ours} has {list(target.shape)}: "
            f"{_shape_remedy(ours, target.shape, tensor.shape, reserved)}"
        )
    if tensor.dtype != target.dtype and target.dtype not in _WIDENING.get(tensor.dtype, ()):
        raise StateDictError(
            f"{theirs} has dtype {tensor.dtype}, but {ours} is {target.dtype}, and only the same dtype or a wider "
            f"one can be loaded: load into a module of dtype {tensor.dtype}, then cast it with .to({target.dtype})"
        )


def _shape_remedy(ours: str, target: torch.Size, given: torch.Size, reserved: int) -> str:
    part = ours.split(".")[0]
    if len(given) != len(target) or given[-1] != target[-1]:
        return "build the module with the d_model of the checkpoint"
    remedy = f"build the module with {_ARGUMENT[part]}={given[0] - (reserved if part == 'position' else 0)}"
    if part != "position":
        return remedy
    return (
        remedy
        + (f" (rows without the {reserved} reserved ones)" if reserved else "")
        + ", or change the table first: posembed.extend_table or `posembed extend` to lengthen it, truncation (its "
        "first rows) to shorten it"
    )


def _some(names: Mapping[str, Tensor] | list[str]) -> str:
    """Return the first few names, for a message."""
    first = [repr(name) for name, _ in zip(names, range(4), strict=False)]
    return ", ".join(first) + (", …" if len(names) > len(first) else "")
