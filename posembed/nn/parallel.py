"""Tensor-parallel plans: one embedding layer whose tables lie on several processes.

Sums of DTensors keep the shape of the whole input, so the layer's checks of shapes and bounds hold as they are. What
comes in is the same on every process, and what goes out is a plain tensor.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ParallelStyle

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.nn.checks import check_last_position
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding
from posembed.nn.token_position import TokenPositionEmbedding

_SEQUENCE = Shard(-2)  # of [batch, seq, d_model] and [seq, d_model] alike


def tensor_parallel_plan(
    module: TokenPositionEmbedding, *, positions: Literal["whole", "columns"] = "whole", sequence: bool = False
) -> dict[str, ParallelStyle]:
    """Return a plan for ``parallelize_module`` that shards the token table of an embedding layer by vocabulary.

    Every process of the mesh passes the same whole input. The gradient of each parameter lies where the parameter does.
    Segment table and LayerNorm are whole on every process. See :doc:`/concepts/parallel`.

    Args:
        module: the layer that the plan is for.
        positions: ``"whole"``: the position table is whole on every process; ``"columns"``: its columns are sharded,
            and gathered after the lookup.
        sequence: return only the rank's part of the sequence, ``[batch, seq / ranks, d_model]`` (sequence parallel),
            instead of the whole result on every process.

    Raises:
        ArgumentTypeError: if ``module`` is not a TokenPositionEmbedding.
        InvalidArgumentError: for another ``positions``, or a submodule that cannot be sharded; when the plan is
            applied: for dropout on a mesh of CPUs, whose random numbers PyTorch does not keep in step.

    Source:
        Shoeybi et al. 2019, arXiv:1909.08053 (vocabulary); Korthikanti et al. 2022, arXiv:2205.05198 (sequence).

    Example:
        >>> embed = TokenPositionEmbedding(vocab_size=100, max_len=16, d_model=8)
        >>> plan = tensor_parallel_plan(embed, positions="columns")
        >>> list(plan)
        ['token', 'position', '']
        >>> # parallelize_module(embed, init_device_mesh("cuda", (4,)), plan)
    """
    if not isinstance(module, TokenPositionEmbedding):
        raise ArgumentTypeError(f"module must be a TokenPositionEmbedding, got {type(module).__name__}")
    if positions not in ("whole", "columns"):
        raise InvalidArgumentError(f"positions={positions!r} must be 'whole' or 'columns'")
    result = _SEQUENCE if sequence else Replicate()
    plan: dict[str, ParallelStyle] = {"token": _Part(Shard(0), result)}
    _require_table("token", module.token)
    position = module.position
    if isinstance(position, SinusoidalPositionalEmbedding):
        if positions == "columns":
            raise InvalidArgumentError("positions='columns' shards a learned table, and sinusoids have none")
        plan["position"] = _Part(Replicate(), result)
    elif position is not None:
        if type(position) is not LearnedPositionalEmbedding:
            raise InvalidArgumentError(
                f"position is a {type(position).__name__}; the plan knows LearnedPositionalEmbedding and "
                "SinusoidalPositionalEmbedding: wrap another module in a plan of your own"
            )
        plan["position"] = _Part(Shard(1) if positions == "columns" else Replicate(), result)
    elif positions == "columns":
        raise InvalidArgumentError("positions='columns' shards a learned table, and this layer has none")
    if module.segment is not None:
        _require_table("segment", module.segment)
        plan["segment"] = _Part(Replicate(), result)
    if module.norm is not None:
        plan["norm"] = _Part(Replicate(), result)
    plan[""] = _Layer(result)
    return plan


def _require_table(name: str, table: nn.Module) -> None:
    """Reject a table that does more than look rows up."""
    if type(table) is not nn.Embedding:
        raise InvalidArgumentError(f"{name} is a {type(table).__name__}; only an nn.Embedding can be sharded")
    if table.max_norm is not None or table.scale_grad_by_freq or table.sparse:
        raise InvalidArgumentError(
            f"{name} has max_norm, scale_grad_by_freq or sparse, which a sharded table cannot have"
        )


class _Part(ParallelStyle):
    """Place the parameters of a submodule; tensors that come in are the same everywhere, what goes out is placed."""

    def __init__(self, weights: Placement, result: Placement) -> None:
        super().__init__()
        self.weights, self.result = weights, result

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            if not isinstance(module, SinusoidalPositionalEmbedding):  # computed, of plain tensors
                args = tuple(_whole(each, device_mesh) for each in _as_positions(module, args))
                kwargs = {name: _whole(value, device_mesh) for name, value in kwargs.items()}
            return args, kwargs

        def leave(_module: nn.Module, _args: tuple[Any, ...], output: Tensor) -> Tensor:
            return _placed(output, device_mesh, self.result)

        for name, weight in module.named_parameters(recurse=False):
            placed = distribute_tensor(weight, device_mesh, [self.weights], src_data_rank=self.src_data_rank)
            parameter = nn.Parameter(placed, requires_grad=weight.requires_grad)
            module.register_parameter(name, parameter)
            if weight.requires_grad:
                parameter.register_hook(_like(parameter))  # type: ignore[no-untyped-call]
        module.register_forward_pre_hook(enter, with_kwargs=True)
        module.register_forward_hook(leave)
        return module


class _Layer(ParallelStyle):
    """Take plain tensors, the same on every process, and return a plain tensor: the whole result or a rank's part."""

    def __init__(self, result: Placement) -> None:
        super().__init__()
        self.result = result

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        dropout = getattr(module.dropout, "p", 0.0)
        if dropout and device_mesh.device_type == "cpu":
            raise InvalidArgumentError(
                f"dropout={dropout} on a mesh of CPUs: PyTorch keeps the random numbers of processes in step on "
                "accelerators only, so each would drop other elements: use dropout=0.0"
            )

        def enter(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            args = tuple(_plain(each) for each in args)
            kwargs = {name: _plain(value) for name, value in kwargs.items()}
            embeds = kwargs.get("inputs_embeds")
            if isinstance(embeds, Tensor):
                kwargs["inputs_embeds"] = _placed(embeds, device_mesh, self.result)
            return args, kwargs

        def leave(_module: nn.Module, _args: tuple[Any, ...], output: DTensor) -> Tensor:
            local: Tensor = output.to_local()
            return local

        module.register_forward_pre_hook(enter, with_kwargs=True)
        module.register_forward_hook(leave)
        return module


def _as_positions(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Turn ``(count, start)`` into a tensor where the table has to be read by one."""
    if isinstance(module, LearnedPositionalEmbedding) and not isinstance(args[0], Tensor):
        padding = module.padding_idx
        if padding is not None and padding >= module.reserved:
            count, start = args[0], args[1] if len(args) > 1 else 0
            check_last_position(start + count, module.rows, module.reserved)
            return (torch.arange(start, start + count, device=module.weight.device),)
    return args


def _whole(value: Any, mesh: DeviceMesh) -> Any:
    if isinstance(value, Tensor) and not isinstance(value, DTensor):
        return DTensor.from_local(value, mesh, [Replicate()], run_check=False)
    return value


def _placed(value: Tensor, mesh: DeviceMesh, placement: Placement) -> Tensor:
    whole: DTensor = _whole(value, mesh)
    return whole.redistribute(placements=[placement])


def _plain(value: Any) -> Any:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _like(parameter: nn.Parameter) -> Any:
    """Return a hook that moves a gradient to where its parameter lies: PyTorch leaves that of a lookup whole."""
    placements = parameter.data.placements  # type: ignore[attr-defined]

    def move(gradient: DTensor) -> DTensor:
        return gradient.redistribute(placements=placements)

    return move
