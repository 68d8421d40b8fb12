"""Devices and precisions that this machine supports (by capability, never by timing), and a record of it."""

from __future__ import annotations

import os
import platform
import sys

import numpy as np
import torch

from posembed._version import __version__
from posembed.errors import InvalidArgumentError, first_line


def resolve_device(name: str) -> str:
    """Return the name of a device after checking that it exists and can be used.

    Args:
        name: of PyTorch's devices, such as ``"cpu"`` or ``"cuda:1"``, or ``"auto"``: the first GPU if there is one,
            else Apple's GPU, else the CPU.

    Raises:
        InvalidArgumentError: listing the devices that are available.

    Example:
        >>> resolve_device("cpu")
        'cpu'
    """
    if name == "auto":
        return _fastest()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # ImportError: a backend's own package
        raise InvalidArgumentError(
            f"device={name!r} cannot be used here ({first_line(error)}); available: {', '.join(_available_devices())}"
        ) from None
    if device.type == "meta":
        raise InvalidArgumentError("device='meta' holds no values; nothing can be run on it")
    return str(device)


def _fastest() -> str:
    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _available_devices() -> list[str]:
    names = ["auto", "cpu"]
    if torch.cuda.is_available():
        names += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def peak_memory_bytes() -> int:
    """Return the peak resident memory of this process so far."""
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def has_bf16(device: str) -> bool:
    """Return whether the device multiplies bfloat16 in hardware."""
    test = _BF16_TESTS.get(torch.device(device).type)
    return test is not None and test()


def _cuda_has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _cpu_has_bf16() -> bool:
    if platform.machine().lower() in ("arm64", "aarch64"):
        # On ARM oneDNN answers for the instruction itself; on x86 it would also say yes to slow emulation.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


_BF16_TESTS = {"cuda": _cuda_has_bf16, "cpu": _cpu_has_bf16}
"""How each type of device is asked; others run in float32."""


def resolve_precision(precision: str, device: str) -> str:
    """Return the precision to use: ``"auto"`` becomes bf16 where the device has it in hardware, else fp32.

    Raises:
        InvalidArgumentError: for any other name.
    """
    if precision == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    if precision not in ("bf16", "fp32"):
        raise InvalidArgumentError(f"precision={precision!r} must be auto, bf16 or fp32")
    return precision


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(device: str) -> dict[str, str | int | bool | None]:
    """Return versions and hardware, for the record."""
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), cpu)
    except OSError:
        pass
    return {
        "posembed": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu,
        "cores": available_cores(),
        "bf16_hardware": has_bf16(device),
        "accelerator": torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else None,
    }
