"""Let the position module of a whole model see the attention mask of each call, on every device."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.length_aware import LengthAwareEmbedding


def owners(model: nn.Module, path: str) -> list[tuple[nn.Module, str]]:
    """Return the modules around the position module that take an attention mask, and its path from each.

    All of them are wrapped, since any may be called from outside.
    """
    parts = path.split(".")
    found = []
    for depth in range(len(parts)):
        owner = model.get_submodule(".".join(parts[:depth])) if depth else model
        if "attention_mask" in inspect.signature(owner.forward).parameters:
            found.append((owner, ".".join(parts[depth:])))
    if not found:
        raise InvalidArgumentError(
            f"no module around {path} takes an attention_mask, so the lengths in a padded batch cannot be known"
        )
    return found


def show_mask(owner: nn.Module, path: str) -> None:
    """Wrap a module's ``forward``, so that it shows the attention mask to the position module at a path inside.

    No hook: some libraries call ``forward`` itself.
    """
    owner.forward = _Forward(owner, path, owner.__dict__.get("forward"))
    owner.__dict__["_replicate_for_data_parallel"] = _Replicate(owner)  # DataParallel calls it


def keep_padding(model: nn.Module, path: str) -> None:
    """Let sentence-transformers pad its batches: joined into one row, as with flash attention, they have one length."""
    parts = path.split(".")
    for depth in range(len(parts)):
        owner: Any = model.get_submodule(".".join(parts[:depth])) if depth else model
        if getattr(owner, "can_flatten_inputs", False) is True:
            owner.unpad_inputs = False


class _Forward:
    """A module's ``forward`` that shows the attention mask to the position module during the call."""

    def __init__(self, owner: nn.Module, path: str, patched: Any) -> None:
        self.owner = owner  # a copy of the model copies this too, and then means the copied owner
        self.path = path
        self.patched = patched  # by others before, as device maps do
        self.__signature__ = inspect.signature(owner.forward)

    @property
    def __code__(self) -> types.CodeType:  # torch.export names the file and line of a model's forward
        return type(self).__call__.__code__

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        mask = named.get("attention_mask")
        place = list(self.__signature__.parameters).index("attention_mask")
        if mask is None and place < len(arguments):
            mask = arguments[place]
        forward = self.patched or functools.partial(type(self.owner).forward, self.owner)
        module = self.owner.get_submodule(self.path)
        if not isinstance(module, LengthAwareEmbedding):
            return forward(*arguments, **named)
        before = module.mask
        if isinstance(mask, Tensor) and mask.dim() == 2:
            module.mask = mask
        elif mask is not None and before is None:
            raise InvalidArgumentError(
                "length-aware positions read the lengths of a batch from attention_mask, which must be [batch, seq], "
                f"got {list(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__}: give the mask of 0 and "
                "1 (generate prepares another one for a static cache: use the default cache)"
            )
        try:
            return forward(*arguments, **named)
        finally:
            module.mask = before  # the mask was of this call alone


class _Replicate:
    """Make a replica for ``nn.DataParallel``, whose ``forward`` means the replica and not the module it is one of."""

    def __init__(self, owner: nn.Module) -> None:
        self.owner = owner  # a copy of the model copies this too, and then means the copied owner

    def __call__(self) -> nn.Module:
        forward: Any = self.owner.forward
        if forward.patched is not None:
            raise InvalidArgumentError(
                f"another library replaced the forward of this {type(self.owner).__name__}, which nn.DataParallel "
                "cannot copy: use one process per device (DistributedDataParallel)"
            )
        kind: Any = type(self.owner)
        replica: nn.Module = kind._replicate_for_data_parallel(self.owner)
        replica.forward = _Forward(replica, forward.path, None)
        return replica
