"""Configurations: the default of every model type, and a small one that keeps the widths and the position fields."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from transformers import CONFIG_MAPPING, PreTrainedConfig

VOCABULARY = 1200
LEVELS = ("narrow", "shallow", "full depth", "default")
"""From the most reduced model to the untouched default; a later one serves where an earlier cannot be built or run."""

SMALL_LEVEL = 2
"""The last level that cuts vocabularies and inner sizes."""

REPAIRS: dict[str, dict[str, Any]] = {
    "aya_vision": {"vision_config.num_attention_heads": 16},
    "chameleon": {"vocabulary_map": {"<image>": 10}},
    "deepseek_ocr2": {"text_config.mlp_layer_types": ["dense"] * 64},
    "emu3": {"vocabulary_map": {"<image>": 10, "<|extra_200|>": 11}},
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_vl": {"text_config.head_dim": 128},
    "hunyuan_vl_text": {"head_dim": 128},
    "qwen3_omni_moe": {
        "talker_config.text_config.shared_expert_intermediate_size": 128,
        "talker_config.spatial_merge_size": 2,
    },
}
"""What the defaults of some types lack before a model can be built from them."""

SMALL_REPAIRS: dict[str, dict[str, Any]] = {
    "clvp": {"speech_config.vocab_size": VOCABULARY},  # takes what the decoder makes
    "llama4_vision_model": {"intermediate_size": 3072},  # four patches of the width, put together
}
"""What reduced and default configurations lack before their model can be run."""

_DEPTH = re.compile(
    r"^(num_hidden_layers|num_layers|n_layers?|depth|num_blocks|.*(encoder|decoder|hidden|attention|text|vision)_layers"
    r"|num_.*_layers|.*_depth|num_.*_blocks|n_head_layers|layers)$"
)
_DEPTHS = re.compile(r"^(depths|layers|num_blocks|stage_depths|blocks_per_stage|num_layers|depth|layer_depths)$")
_INNER = re.compile(r"^(.*intermediate_size|.*ffn_dim|mlp_dim|d_ff|n_inner|dim_feedforward|.*ffn_hidden_size)$")
_VOCABULARY = re.compile(r"^(.*vocab_size|n_words|num_tokens)$")
_SPECIAL = re.compile(r".*(_token_id|_token_index|_token_ids|_token|_id|_index|_idx)$")
_EXPERTS = re.compile(r"^(num_(local_|routed_)?experts|n_routed_experts|moe_num_experts|num_experts_total)$")
_DERIVED = ("out_features", "out_indices", "stage_names", "_out_features", "_out_indices")


def default_config(model_type: str) -> PreTrainedConfig:
    """Make the default configuration, with a prediction length for the forecasters that demand one."""
    config_class = CONFIG_MAPPING[model_type]
    if (
        "prediction_length" in inspect.signature(config_class.__init__).parameters
        and "context_length" in inspect.signature(config_class.__init__).parameters
    ):
        return config_class(prediction_length=24)
    if model_type == "esm":
        return config_class(vocab_size=33, pad_token_id=1, mask_token_id=32)
    config = config_class()
    if model_type in REPAIRS:
        tree = config.to_dict()
        for path, value in REPAIRS[model_type].items():
            set_field(tree, path, value)
        config = config_class.from_dict(tree)
    if getattr(config, "languages", None) and hasattr(config, "default_language"):
        config.default_language = next(iter(config.languages))
    return config


def walk_fields(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a configuration dictionary with its dotted path; lists count as leaves."""
    for key, value in tree.items():
        if isinstance(value, dict) and key not in ("id2label", "label2id"):
            yield from walk_fields(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def set_field(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set one leaf of a configuration dictionary by its dotted path."""
    *parents, last = path.split(".")
    for key in parents:
        tree = tree[key]
    tree[last] = value


def _narrow(tree: dict[str, Any]) -> None:
    """Cut the width of a large language model in place: four heads, width 256."""
    heads, width = tree.get("num_attention_heads"), tree.get("hidden_size")
    if not (
        isinstance(heads, int) and isinstance(width, int) and width > 1024 and isinstance(tree.get("vocab_size"), int)
    ):
        return
    tree |= {"hidden_size": 256, "num_attention_heads": 4}
    groups = tree.get("num_key_value_heads")
    if isinstance(groups, int):
        tree["num_key_value_heads"] = 4 if groups == heads else min(groups, 2)
    for key in ("mamba_n_heads", "mamba_num_heads", "n_mamba_heads"):
        if isinstance(tree.get(key), int) and isinstance(tree.get("mamba_d_head"), int):
            tree[key] = 512 // tree["mamba_d_head"]


def _shrink(tree: dict[str, Any], level: int, used: list[int]) -> None:
    """Cut depth, vocabulary, inner sizes and experts in place, through every sub-configuration."""
    if level == 0:
        _narrow(tree)
    items = [(k, v) for k, v in tree.items() if isinstance(k, str)]
    old_depths = {v for k, v in items if isinstance(v, int) and _DEPTH.match(k) and v > 2}
    for key, value in items:
        if isinstance(value, dict):
            _shrink(value, level, used)
        elif key in _DERIVED and level <= 1:
            del tree[key]
        elif isinstance(value, bool) or value is None:
            continue
        elif isinstance(value, list) and level <= 1:
            if _DEPTHS.match(key) and all(isinstance(v, int) for v in value):
                tree[key] = [min(v, 1) for v in value]
            elif len(value) in old_depths and len(value) > 4:
                tree[key] = value[:1] + value[-1:]
        elif not isinstance(value, int):
            continue
        elif _DEPTH.match(key) and key != "num_encoder_blocks" and level <= 1 and value > 2:  # PVT's stages
            tree[key] = 2
        elif _INNER.match(key) and level <= 2 and value > 256:
            tree[key] = 128
        elif _EXPERTS.match(key) and level <= 1 and value > 8:
            tree[key] = 8
        elif key in ("mamba_chunk_size", "chunk_size") and level <= 1 and value > 32:
            tree[key] = 32
        elif _VOCABULARY.match(key) and level <= 2 and value > VOCABULARY:
            tree[key] = VOCABULARY
        elif _SPECIAL.match(key) and level <= 2 and value >= VOCABULARY - 1:
            used.append(VOCABULARY - 2 - len(used))
            tree[key] = used[-1]


def small_dict(model_type: str, level: int = 0) -> dict[str, Any]:
    """Give the reduced configuration as a dictionary."""
    tree = default_config(model_type).to_dict()
    _shrink(tree, level, [])
    for path, value in SMALL_REPAIRS.get(model_type, {}).items() if level <= SMALL_LEVEL else ():
        set_field(tree, path, value)
    return tree


def copied(tree: Any) -> Any:
    """Copy nested dictionaries and lists, so that a configuration class may change its own."""
    if isinstance(tree, dict):
        return {k: copied(v) for k, v in tree.items()}
    return [copied(v) for v in tree] if isinstance(tree, list) else tree
