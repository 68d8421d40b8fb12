"""Tell whether a shortcut could be seen from outside: by a hook, by a mode, by whoever replaced a submodule.

A layer may read a submodule's table without calling it, and add in place to what the submodule returned, only where
nobody can tell the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.nn.modules import module as torch_module

_CALL: Callable[..., Any] = nn.Module.__call__
_FORWARDS: dict[type[nn.Module], Callable[..., Any]] = {
    kind: kind.forward for kind in (nn.Embedding, nn.LayerNorm, nn.Dropout)
}


def is_observed(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Return whether calling ``module`` could run, or be seen by, anything but the ``forward`` of ``kind``.

    So it is for a subclass or another class (parametrizations make one, as FSDP does), a replaced ``forward``
    (accelerate), a compiled module, hooks of the module or of all modules, and a table of another tensor class.

    Example:
        >>> table = nn.Embedding(3, 2)
        >>> is_observed(table, nn.Embedding)
        False
        >>> handle = table.register_forward_hook(print)
        >>> is_observed(table, nn.Embedding)
        True
    """
    if type(module) is not kind or "forward" in module.__dict__:
        return True
    if not all(type(table) in _plain_tensors() for table in tables_of(module)):
        return True
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
        return True
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        return True
    if torch_module._global_backward_hooks or torch_module._global_backward_pre_hooks:
        return True
    if torch.compiler.is_compiling():  # what follows replaces Python code, which is not what a graph is made of
        return False
    patched = nn.Module.__call__ is not _CALL or any(
        known.forward is not forward for known, forward in _FORWARDS.items()
    )
    return patched or module._compiled_call_impl is not None or torch._C._get_tracing_state() is not None


def _plain_tensors() -> tuple[type[Tensor], ...]:
    # torch.export without Dynamo runs the module itself, with stand-ins of PyTorch's own for its tables.
    if torch.compiler.is_exporting():
        return (nn.Parameter, Tensor, FakeTensor, FunctionalTensor)
    return (nn.Parameter, Tensor)


def tables_of(module: nn.Module) -> tuple[object, ...]:
    """Return the weight, and the bias of a LayerNorm that has one."""
    if isinstance(module, nn.Dropout):
        return ()
    if isinstance(module, nn.LayerNorm):
        return tuple(each for each in (module.weight, module.bias) if each is not None)
    return (module.weight,)


def add_to_fresh(fresh: Tensor, other: Tensor) -> Tensor:
    """Return ``fresh + other``, in the memory of ``fresh`` where nobody can tell.

    Args:
        fresh: just made by an unobserved module or function, and held by nobody else.
        other: of any shape that broadcasts with it.
    """
    return fresh.add_(other) if _may_write(fresh, other) else fresh + other


def _may_write(fresh: Tensor, other: Tensor) -> bool:
    if torch.compiler.is_compiling():  # a compiler needs no second tensor anyway
        return False
    return (
        type(fresh) is Tensor
        and type(other) in (Tensor, nn.Parameter)
        and fresh.dtype == other.dtype
        and _broadcasts_into(fresh.shape, other.shape)
        # A mode may have kept what it saw; inside vmap a tensor is larger than it says.
        and torch._C._len_torch_function_stack() == 0
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._functorch.peek_interpreter_stack() is None
    )


def _broadcasts_into(shape: torch.Size, other: torch.Size) -> bool:
    if len(other) > len(shape):
        return False
    tail = shape[len(shape) - len(other) :]
    return tail == other or all(small in (1, large) for large, small in zip(tail, other, strict=True))
