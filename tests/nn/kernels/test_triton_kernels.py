"""Every kernel compiles for GPUs: the interpreter accepts more than the compiler does. No GPU is needed."""

import importlib

import pytest

from posembed.nn.kernels.choose import TRITON_INSTALLED
from posembed.nn.kernels.operator import interpreted

TABLES = ("out", "gradient", "change", "token", "position", "segment", "weight", "bias", "values")
FLOATS = ("mean_out", "rstd_out", "mean_in", "rstd_in", "weight_parts", "bias_parts", "heads", "tails")
INTEGERS = ("ids", "position_rows", "types", "seed", "keys", "order")
TYPES = {**dict.fromkeys(FLOATS, "*fp32"), **dict.fromkeys(INTEGERS, "*i64"), "eps": "fp32", "scale": "fp32"}
ALL = dict.fromkeys(("HAS_POSITION", "CONSECUTIVE", "HAS_SEGMENT", "HAS_TYPES", "HAS_NORM", "HAS_DROPOUT"), True)
KERNELS = [
    ("forward_kernel", "fp16", {**ALL, "HAS_BIAS": True, "ROWS": 1, "BLOCK": 1024}),
    (
        "forward_kernel",
        "fp32",
        {**ALL, "CONSECUTIVE": False, "HAS_NORM": False, "HAS_BIAS": False, "ROWS": 16, "BLOCK": 4},
    ),
    ("change_kernel", "bf16", {**ALL, "HAS_TYPES": False, "ROWS": 4, "BLOCK": 64}),
    ("columns_kernel", "fp32", {"STEP": 16, "BLOCK": 64}),
    ("position_kernel", "bf16", {"STEP": 16, "BLOCK": 64}),
    ("window_kernel", "bf16", {"WINDOW": 32, "BLOCK": 64}),
    ("run_kernel", "bf16", {"WINDOW": 32, "STEP": 16, "BLOCK": 64}),
]


@pytest.mark.skipif(not TRITON_INSTALLED or interpreted(), reason="triton is not installed, or interprets")
@pytest.mark.parametrize(("name", "dtype", "constants"), KERNELS)
@pytest.mark.parametrize(("capability", "ones"), [(80, False), (90, False), (90, True)])
def test_compiles(name, dtype, constants, capability, ones, monkeypatch, tmp_path):
    """With ``ones``, for sizes of 1, which Triton makes constants of a variant of its own."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns where nobody has chosen
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler import compile as compile_kernel

    kernel = getattr(importlib.import_module("posembed.nn.kernels.triton_kernels"), name)
    if ones:
        sizes = [each for each in kernel.arg_names if each not in (*TABLES, *TYPES, *constants, "start")]
        constants = {**constants, **dict.fromkeys(sizes, 1)}
    types = {
        each: "constexpr" if each in constants else f"*{dtype}" if each in TABLES else TYPES.get(each, "i32")
        for each in kernel.arg_names
    }
    places = {(kernel.arg_names.index(each),): value for each, value in constants.items()}
    compiled = compile_kernel(ASTSource(kernel, types, places), target=GPUTarget("cuda", capability, 32))
    assert "cubin" in compiled.asm
    assert "atom." not in compiled.asm["ptx"]
    assert "red." not in compiled.asm["ptx"].replace("shared.", "")
