"""Build every model type of the installed `transformers`: the default on the meta device, and a small one that runs."""

import contextlib
import importlib
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from benchmarks.census.shrink import LEVELS, copied, default_config, set_field, small_dict, walk_fields

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

__all__ = [
    "LEVELS",
    "arrays",
    "candidates",
    "copied",
    "default_config",
    "first_level",
    "fixed_names",
    "from_dict",
    "meta_model",
    "model_class",
    "model_types",
    "randomize",
    "save_small",
    "set_field",
    "size",
    "small_dict",
    "small_model",
    "walk_fields",
]


def model_types() -> list[str]:
    """List the model types of the installed `transformers`."""
    return sorted(CONFIG_MAPPING_NAMES)


def model_class(model_type: str) -> type[PreTrainedModel]:
    """Find the class that is built for a model type: the base model where there is one."""
    config_class = CONFIG_MAPPING[model_type]
    names = [n for n in vars(modeling_auto) if n.startswith("MODEL_") and n.endswith("_MAPPING_NAMES")]
    for name in sorted(names, key=lambda n: n != "MODEL_MAPPING_NAMES"):
        found = getattr(modeling_auto, name).get(model_type)
        for candidate in [found] if isinstance(found, str) else (found or ()):
            cls = getattr(transformers, candidate, None)
            if cls is not None:
                return cls
    module = importlib.import_module(config_class.__module__.replace(".configuration_", ".modeling_"))
    owners = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, PreTrainedModel)
        and cls.__dict__.get("config_class", getattr(cls, "config_class", None)) is config_class
        and "forward" in dir(cls)
        and not cls.__name__.endswith("PreTrainedModel")
    ]
    if not owners:
        raise LookupError(f"no model class takes {config_class.__name__}")
    return min(
        owners,
        key=lambda cls: (not cls.__name__.endswith("Model"), "For" in cls.__name__, len(cls.__name__), cls.__name__),
    )


def from_dict(model_type: str, tree: dict[str, Any]) -> PreTrainedConfig:
    """Make a configuration from a dictionary, attention in its plain form."""
    config = CONFIG_MAPPING[model_type].from_dict(copied(tree))
    for part in _sub_configs(config):
        part._attn_implementation = "eager"
    return config


def _sub_configs(config: PreTrainedConfig) -> Iterator[PreTrainedConfig]:
    """Yield a configuration and all that lie inside it."""
    yield config
    for value in vars(config).values():
        if isinstance(value, PreTrainedConfig):
            yield from _sub_configs(value)


def meta_model(model_type: str, config: PreTrainedConfig | None = None) -> PreTrainedModel:
    """Build a model without memory: names and shapes only."""
    with torch.device("meta"):
        return model_class(model_type)(config or default_config(model_type))


def small_model(
    model_type: str, *, level: int = 0, seed: int = 0, changes: dict[str, Any] | None = None
) -> PreTrainedModel:
    """Build the reduced model with memory; `changes` sets further fields by dotted path."""
    tree = small_dict(model_type, level)
    for path, value in (changes or {}).items():
        set_field(tree, path, value)
    torch.manual_seed(seed)
    return model_class(model_type)(from_dict(model_type, tree)).eval()


def size(model_type: str, level: int) -> int:
    """Count the parameters of the reduced model without building it."""
    try:
        return sum(
            p.numel() for p in meta_model(model_type, from_dict(model_type, small_dict(model_type, level))).parameters()
        )
    except Exception:  # what cannot be built is too large
        return 1 << 60


def first_level(model_type: str) -> int:
    """Say the most reduced level whose model can be built at all."""
    error: Exception | None = None
    for level in range(len(LEVELS)):
        try:
            meta_model(model_type, from_dict(model_type, small_dict(model_type, level)))
        except Exception as e:  # a census goes on, whatever a model raises
            error = error or e
        else:
            return level
    raise error or RuntimeError(model_type)


def arrays(model: nn.Module) -> dict[str, torch.Tensor]:
    """Name every parameter and buffer once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def candidates(model: nn.Module) -> dict[str, torch.Tensor]:
    """Name every array that could be a table: floating, two or more axes, no weight of a linear map or convolution."""
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    maps = (
        nn.Linear,
        nn.MultiheadAttention,
        nn.modules.conv._ConvNd,
        nn.LayerNorm,
        nn.RNNBase,
        nn.GroupNorm,
        nn.modules.batchnorm._NormBase,
    )
    for prefix, module in model.named_modules():
        if isinstance(module, maps) or type(module).__name__ == "Conv1D":
            continue
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for n, p in own:
            if p is not None and p.is_floating_point() and sum(s > 1 for s in p.shape) >= 2 and id(p) not in seen:
                seen.add(id(p))
                found[f"{prefix}.{n}".lstrip(".")] = p
    return found


def randomize(model: nn.Module, seed: int = 1) -> None:
    """Give constant arrays (zeroed tables, gates, layer scales) random values, so that nothing hides behind a zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.is_floating_point() or not parameter.numel():
                continue
            if not torch.isfinite(parameter).all():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
            elif parameter.numel() == 1:
                parameter.add_(0.3)
            elif parameter.min() == parameter.max():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)


def save_small(model_type: str, directory: str | Path, *, level: int | None = None, seed: int = 0) -> PreTrainedModel:
    """Save the reduced model, constant tables filled with random values, and return it."""
    model = small_model(model_type, level=first_level(model_type) if level is None else level, seed=seed)
    randomize(model, seed + 1)
    model.save_pretrained(directory)
    return model


def fixed_names(model: PreTrainedModel, model_type: str, level: int) -> set[str]:
    """Name the arrays that hold the same values, not all alike, under another seed: computed, not learned."""
    first = {n: t.detach().clone() for n, t in candidates(model).items()}
    other = small_model(model_type, level=level, seed=1)
    second = candidates(other)
    for found, owner in ((first, model), (second, other)):
        for name in [n for n, t in found.items() if bool(t.min() == t.max())]:
            found[name] = _initialize_again(owner, name)
    return {n for n, t in first.items() if bool(t.min() != t.max()) and n in second and torch.equal(t, second[n])}


def _initialize_again(model: PreTrainedModel, name: str) -> torch.Tensor:
    """Call a model's own initializer on the module of a constant array: some are left out at first."""
    owner = model.get_submodule(name.rpartition(".")[0])
    for part in [*owner.modules(), *owner.parameters(), *owner.buffers()]:
        part.__dict__.pop("_is_hf_initialized", None)
    towers = [m for n, m in model.named_modules() if isinstance(m, PreTrainedModel) and name.startswith(n)]
    with torch.no_grad(), contextlib.suppress(Exception):
        towers[-1]._init_weights(owner)
    return candidates(model)[name].detach().clone()
