"""Compare TokenPositionEmbedding on several processes with the same layer on one: output and every gradient.

    python -m benchmarks.parallel_parity               # 2 and 4 processes, by gloo on the CPU
    python -m benchmarks.parallel_parity --processes 2

Prints the largest relative difference of each form, in float64 and float32: that of the output, of the gradients of
all parameters, and of the caller's embeddings. Vocabulary, width and sequence do not divide by the number of processes.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.experimental import context_parallel as pytorch_context_parallel
from torch.distributed.tensor.parallel import parallelize_module
from torch.nn.parallel import DistributedDataParallel

from posembed.nn.kernels.choose import NUMBA_INSTALLED
from posembed.nn.parallel import tensor_parallel_plan
from posembed.nn.positions import context_parallel_positions, positions_from_lengths, positions_from_mask
from posembed.nn.token_position import TokenPositionEmbedding

BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5}
VOCAB, ROWS, WIDTH, TYPES, BATCH, SEQ = 11, 13, 6, 3, 4, 7
CONTEXT = 8  # length of the inputs that context parallelism divides
Check = tuple[str, list[tuple[Tensor, Tensor]]]


def build(dtype: torch.dtype, **changes: Any) -> TokenPositionEmbedding:
    """Return the layer, the same on every process."""
    torch.manual_seed(3)
    arguments: dict[str, Any] = {"reserved": 2, "position_padding_idx": 1, "padding_idx": 2, "init_std": 1.0}
    arguments |= {"type_vocab_size": TYPES, "layer_norm_eps": 1e-5, "dtype": dtype}
    embed = TokenPositionEmbedding(VOCAB, ROWS, WIDTH, **(arguments | changes))
    if embed.norm is not None:
        torch.nn.init.normal_(embed.norm.weight)
        torch.nn.init.normal_(embed.norm.bias)
    return embed


def inputs(dtype: torch.dtype) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every kind of input by name."""
    torch.manual_seed(4)
    ids, types = torch.randint(0, VOCAB, (BATCH, SEQ)), torch.randint(0, TYPES, (BATCH, SEQ))
    mask = (torch.arange(SEQ) >= torch.arange(BATCH)[:, None]).long()
    yield "ids", {"input_ids": ids}
    yield "types", {"input_ids": ids, "token_type_ids": types}
    yield "start", {"input_ids": ids, "start": 3}
    yield "mask", {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    yield "position_ids", {"input_ids": ids, "position_ids": torch.randint(0, ROWS, (1, SEQ))}
    yield "packed", {"input_ids": ids.view(-1), "cu_seqlens": torch.tensor([0, 9, 9, 20, 28])}
    yield "embeds", {"inputs_embeds": torch.randn(BATCH, SEQ, WIDTH, dtype=dtype), "attention_mask": mask}


def weights_of(output: Tensor) -> Tensor:
    """Return a factor for each element, so that no two gradients are alike."""
    return torch.linspace(-1, 2, output.numel(), dtype=output.dtype).view(output.shape)


def gradients(embed: torch.nn.Module) -> list[Tensor]:
    """Return the whole gradient of every parameter."""
    found = []
    for name, parameter in embed.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        found.append(whole(parameter.grad))
    return found


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor with all its parts."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def data_parallel(
    dtype: torch.dtype, wrap: Callable[[TokenPositionEmbedding], Any], *, to_none: bool = True, **changes: Any
) -> list[tuple[Tensor, Tensor]]:
    """Give each rank a part of the batch, two steps long; gradients are means over the ranks."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    alone = build(dtype, **{**changes, "backend": "modules", "keep_gradients": False})
    embed = build(dtype, **changes)
    parallel = wrap(embed)
    pairs = []
    rows = slice(rank * BATCH // ranks, (rank + 1) * BATCH // ranks)
    for step in range(2):
        torch.manual_seed(5 + step)
        ids = torch.randint(0, VOCAB, (BATCH, SEQ))
        mask = (torch.arange(SEQ) >= torch.arange(BATCH)[:, None]).long()
        for each in (alone, embed):
            each.zero_grad(set_to_none=to_none)
        expected, output = alone(ids, attention_mask=mask), parallel(ids[rows], attention_mask=mask[rows])
        factors = weights_of(expected)
        (expected * factors).sum().div(ranks).backward()
        (output * factors[rows]).sum().backward()
        pairs += [(output, expected[rows]), *zip(gradients(embed), gradients(alone), strict=True)]
    return pairs


def shard_parts(embed: TokenPositionEmbedding) -> TokenPositionEmbedding:
    """Shard each submodule by itself, then the layer."""
    for part in (embed.token, embed.position, embed.segment, embed.norm):
        assert part is not None
        fully_shard(part)
    return fully_shard(embed)


def tensor_parallel(
    embed: TokenPositionEmbedding, alone: TokenPositionEmbedding, given: dict[str, Any], *, sequence: bool
) -> list[tuple[Tensor, Tensor]]:
    """Give each rank the whole input; a rank returns the whole result, or its part of the sequence."""
    mine, theirs = dict(given), dict(given)
    if "inputs_embeds" in given:
        mine["inputs_embeds"], theirs["inputs_embeds"] = (given["inputs_embeds"].clone().requires_grad_() for _ in "ab")
    for each in (embed, alone):
        each.zero_grad()
    output, expected = embed(**mine), alone(**theirs)
    factors = weights_of(expected)
    (expected * factors).sum().backward()
    part = _chunk if sequence else _all
    (output * part(factors)).sum().backward()
    for parameter in embed.parameters():
        if isinstance(parameter.grad, DTensor):
            assert parameter.grad.placements == parameter.data.placements
    if "inputs_embeds" in given:  # the token table has no part in it
        embed.token.weight.grad = torch.zeros_like(embed.token.weight)
        alone.token.weight.grad = torch.zeros_like(alone.token.weight)
    pairs = [(output, part(expected)), *zip(gradients(embed), gradients(alone), strict=True)]
    if "inputs_embeds" in given:
        pairs.append((mine["inputs_embeds"].grad, theirs["inputs_embeds"].grad))
    return pairs


def _chunk(tensor: Tensor) -> Tensor:
    return tensor.chunk(dist.get_world_size(), dim=-2)[dist.get_rank()]


def _all(tensor: Tensor) -> Tensor:
    return tensor


def context_parallel(dtype: torch.dtype, *, zigzag: bool, padded: bool) -> list[tuple[Tensor, Tensor]]:
    """Give each rank its part of every sequence, and its positions; gradients are summed over the ranks."""
    positions = context_parallel_positions(CONTEXT, dist.get_rank(), dist.get_world_size(), zigzag=zigzag)
    alone, embed = build(dtype, position_padding_idx=None), build(dtype, position_padding_idx=None)
    parallel = DistributedDataParallel(embed)
    torch.manual_seed(6)
    ids = torch.randint(0, VOCAB, (BATCH, CONTEXT))
    if padded:
        mask = (torch.arange(CONTEXT) >= torch.arange(BATCH)[:, None]).long()
        expected = alone(ids, attention_mask=mask)
        own = positions_from_mask(mask)[:, positions]
    else:
        lengths = torch.tensor([0, 5, CONTEXT])
        own = positions_from_lengths(lengths)[positions]
        expected = torch.cat([alone(row, cu_seqlens=lengths) for row in ids[:, None]])
    output = parallel(ids[:, positions], position_ids=own)
    factors = weights_of(expected)
    (expected * factors).sum().backward()
    (output * factors[:, positions] * dist.get_world_size()).sum().backward()  # the wrapper takes the mean of ranks
    return [(output, expected[:, positions]), *zip(gradients(embed), gradients(alone), strict=True)]


def checks(dtype: torch.dtype) -> Iterator[Check]:
    """Yield the name of each form, and what it gives beside what it should give."""
    ranks = dist.get_world_size()
    mesh = init_device_mesh("cpu", (ranks,))
    yield "DDP", data_parallel(dtype, DistributedDataParallel)
    yield "FSDP2, the layer", data_parallel(dtype, fully_shard)
    yield "FSDP2, each part", data_parallel(dtype, shard_parts)
    if NUMBA_INSTALLED:
        kept = {"backend": "cpu", "keep_gradients": True}
        yield "DDP, kept gradients", data_parallel(dtype, DistributedDataParallel, **kept)
        yield "DDP, zeroed gradients", data_parallel(dtype, DistributedDataParallel, to_none=False, backend="cpu")
        yield "FSDP2, kept gradients", data_parallel(dtype, fully_shard, **kept)
    layers: dict[str, dict[str, Any]] = {
        "": {},
        ", padding row is a position": {"position_padding_idx": 5},
        ", sinusoidal": {"position": "sinusoidal", "reserved": 0, "position_padding_idx": None},
        ", no norm": {"layer_norm_eps": None, "type_vocab_size": 0},
    }
    for layer, changes in layers.items() if dtype == torch.float64 else [("", {})]:
        for positions in ("whole", "columns"):
            if "position" in changes and positions == "columns":
                continue
            for sequence in (False, True):
                alone = build(dtype, **changes)
                embed = copy.deepcopy(alone)
                plan = tensor_parallel_plan(embed, positions=positions, sequence=sequence)  # type: ignore[arg-type]
                parallelize_module(embed, mesh, plan)
                for name, given in inputs(dtype):
                    if (layer or dtype == torch.float32) and name not in ("start", "mask"):
                        continue
                    if embed.segment is None:
                        given.pop("token_type_ids", None)
                    form = f"tensor parallel, positions {positions}{', sequence' if sequence else ''}{layer}, {name}"
                    yield form, tensor_parallel(embed, alone, given, sequence=sequence)
    if ranks == 4:
        yield "FSDP2 of tensor parallel", two_dimensions(dtype)
    for form in SAVED if dtype == torch.float64 else ():
        yield f"rows of {form}, drawn again", drawn_again(sharded(form, build(dtype)))
    if ranks == 4 and dtype == torch.float64:
        yield "rows of both, drawn again", drawn_again(both(build(dtype)))
    yield "zigzag of PyTorch", zigzag_of_pytorch()
    for zigzag in (False, True):
        for padded in (False, True):
            name = f"context parallel, {'zigzag' if zigzag else 'consecutive'}, {'padded' if padded else 'packed'}"
            yield name, context_parallel(dtype, zigzag=zigzag, padded=padded)


def two_dimensions(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    """Give both groups of ranks the same batch."""
    return tensor_parallel(both(build(dtype)), build(dtype), dict(inputs(dtype))["mask"], sequence=False)


def both(embed: TokenPositionEmbedding) -> TokenPositionEmbedding:
    """Shard by FSDP2 what tensor parallelism has sharded."""
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
    parallelize_module(embed, mesh["tensor"], tensor_parallel_plan(embed, positions="columns"))
    return fully_shard(embed, mesh=mesh["data"])


def drawn_again(embed: TokenPositionEmbedding) -> list[tuple[Tensor, Tensor]]:
    """Return new rows of a sharded layer, and those of a whole layer: zero for padding, and the same on all ranks."""
    alone = build(embed.token.weight.dtype)
    for each in (embed, alone):
        torch.manual_seed(8)
        each.reset_parameters()
    return [(whole(got), expected) for got, expected in zip(embed.parameters(), alone.parameters(), strict=True)]


def zigzag_of_pytorch() -> list[tuple[Tensor, Tensor]]:
    """Return the numbers that PyTorch's context parallelism leaves to this rank, and those that we give it."""
    numbers, ranks = torch.arange(CONTEXT)[None], dist.get_world_size()
    with pytorch_context_parallel(init_device_mesh("cpu", (ranks,)), buffers=[numbers], buffer_seq_dims=[1]):
        own = numbers[0].clone()
    return [(context_parallel_positions(CONTEXT, dist.get_rank(), ranks, zigzag=True).double(), own.double())]


def difference(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Return the largest difference, as a share of the largest element of what it should be."""
    return max(
        float((got - expected).abs().max() / expected.abs().max().clamp(min=1e-30)) if expected.numel() else 0.0
        for got, expected in ((whole(got).detach(), expected.detach()) for got, expected in pairs)
    )


SAVED = {"whole": {"positions": "whole"}, "columns": {"positions": "columns"}, "fsdp": None}


def sharded(form: str, embed: TokenPositionEmbedding) -> TokenPositionEmbedding:
    """Shard a layer by one of the forms that are saved."""
    options = SAVED[form]
    if options is None:
        return fully_shard(embed)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    return parallelize_module(embed, mesh, tensor_parallel_plan(embed, **options))  # type: ignore[arg-type]


def save(folder: Path) -> None:
    """Write what :func:`build` gives, sharded in each form."""
    for form in SAVED:
        dcp.save(sharded(form, build(torch.float64)).state_dict(), checkpoint_id=folder / form)


def load(folder: Path) -> list[tuple[Tensor, Tensor]]:
    """Read each form into other values, whole or as this number of ranks shards it."""
    pairs = []
    for form in SAVED:
        embed = build(torch.float64)
        with torch.no_grad():
            for parameter in embed.parameters():
                parameter.add_(1)
        if dist.is_initialized():
            embed = sharded(form, embed)
        state = embed.state_dict()
        dcp.load(state, checkpoint_id=folder / form, no_dist=not dist.is_initialized())
        embed.load_state_dict(state)
        pairs += [
            (whole(got), expected)
            for got, expected in zip(embed.parameters(), build(torch.float64).parameters(), strict=True)
        ]
    return pairs


def one_rank(arguments: argparse.Namespace) -> None:
    """Run every check on this rank, and write the largest difference of any rank."""
    torch.set_num_threads(1)
    folder = Path(arguments.folder)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store{arguments.ranks}", rank=arguments.rank, world_size=arguments.ranks
    )
    results = {}
    for dtype in BOUNDS:
        for name, pairs in () if arguments.load_only else checks(dtype):
            largest = torch.tensor(difference(pairs), dtype=torch.float64)
            dist.all_reduce(largest, dist.ReduceOp.MAX)
            results[f"{name} ({str(dtype).removeprefix('torch.')})"] = float(largest)
    if arguments.load_only:
        results["loaded"] = difference(load(folder / "saved"))
    else:
        save(folder / "saved")
    if arguments.rank == 0:
        (folder / f"{arguments.ranks}.json").write_text(json.dumps(results))
    dist.destroy_process_group()


def run(ranks: int, folder: Path, *, load_only: bool = False) -> dict[str, float]:
    """Start the ranks, wait for them, and return the largest difference of each check.

    Raises:
        RuntimeError: with the text of every rank, if one failed.
    """
    command = [sys.executable, "-m", "benchmarks.parallel_parity", "--folder", str(folder), "--ranks", str(ranks)]
    command += ["--load-only"] if load_only else []
    running = [
        subprocess.Popen([*command, "--rank", str(rank)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for rank in range(ranks)
    ]
    try:
        texts = [process.communicate(timeout=300)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    if any(process.returncode for process in running):
        ends = [f"rank {n} ended with {p.returncode}\n{t}" for n, (p, t) in enumerate(zip(running, texts, strict=True))]
        raise RuntimeError("\n".join(ends))
    results: dict[str, float] = json.loads((folder / f"{ranks}.json").read_text())
    return results


def main() -> None:
    """Run as the module's text says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, action="append", choices=(2, 4), help="default: 2 and then 4")
    for name in ("--folder", "--rank", "--ranks"):
        parser.add_argument(name, type=str if name == "--folder" else int, help=argparse.SUPPRESS)
    parser.add_argument("--load-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank is not None:
        one_rank(arguments)
        return
    print(f"torch {torch.__version__}, gloo; largest relative difference of outputs and gradients")
    for ranks in arguments.processes or (2, 4):
        with tempfile.TemporaryDirectory() as folder:
            results = run(ranks, Path(folder))
        for dtype, bound in BOUNDS.items():
            kind = f"({str(dtype).removeprefix('torch.')})"
            for form in ("DDP", "FSDP2", "tensor parallel", "context parallel"):
                largest = max(value for name, value in results.items() if name.startswith(form) and kind in name)
                print(f"{ranks} processes, {form} {kind}: {largest:.1e} (bound {bound:.0e})")


if __name__ == "__main__":
    main()
