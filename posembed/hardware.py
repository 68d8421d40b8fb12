"""What this machine can do, decided by capability, never by a timing; and what it is, for the record."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

import numpy as np
import torch

from posembed._version import __version__
from posembed.errors import InvalidArgumentError, first_line


def resolve_device(name: str) -> str:
    """Check that a device exists and is usable; ``"auto"`` is not a name, the default is the CPU."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:  # ImportError: a backend's own package
        raise InvalidArgumentError(
            f"device {name!r} cannot be used here ({first_line(error)}); available: {', '.join(_available_devices())}"
        ) from None
    if device.type == "meta":
        raise InvalidArgumentError("device 'meta' holds no values; nothing can be trained on it")
    return str(device)


def _available_devices() -> list[str]:
    names = ["cpu"]
    if torch.cuda.is_available():
        names += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def peak_memory_bytes() -> int:
    """Most memory that this process has held so far."""
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def has_bf16(device: str) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return False
    if platform.machine().lower() in ("arm64", "aarch64"):
        # On ARM oneDNN answers for the instruction itself; on x86 it would also say yes to slow emulation.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def resolve_precision(precision: str, device: str) -> str:
    """``"auto"`` becomes bf16 where the device has it, else fp32; any other name is refused."""
    if precision == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    if precision not in ("bf16", "fp32"):
        raise InvalidArgumentError(f"precision={precision!r} must be auto, bf16 or fp32")
    return precision


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(device: str) -> dict[str, Any]:
    """Versions and hardware, for the record."""
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), cpu)
    except OSError:
        pass
    kind = torch.device(device).type
    return {
        "posembed": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": cpu,
        "cores": available_cores(),
        "bf16_hardware": has_bf16(device),
        "accelerator": torch.cuda.get_device_name(device) if kind == "cuda" else None,
    }
