"""Which calls in a pickle make plain data, and which ones mean that loading it would run code."""

from __future__ import annotations

from posembed.checkpoint.formats.pickle.nodes import Global

# Functions that torch, NumPy and the standard library write into pickles of plain data.
_DATA = {
    *(("collections", name) for name in ("OrderedDict", "Counter", "defaultdict", "deque")),
    *((module, "_reconstructor") for module in ("copyreg", "copy_reg")),
    *((module, name) for module in ("copyreg", "copy_reg") for name in ("__newobj__", "__newobj_ex__")),
    ("_codecs", "encode"),
    ("argparse", "Namespace"),
    ("types", "SimpleNamespace"),
    ("uuid", "UUID"),
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("torch.torch_version", "TorchVersion"),
    ("torch._tensor", "_rebuild_from_type_v2"),
    ("torch.serialization", "_get_layout"),
    *(("torch", name) for name in ("device", "Size", "Generator")),
    ("torch.nn.parameter", "Parameter"),
    *(
        (module, name)
        for module in ("builtins", "__builtin__")
        for name in ("set", "frozenset", "bytearray", "complex", "slice", "range", "xrange", "list", "dict", "tuple")
    ),
    *(
        (module, name)
        for module in ("builtins", "__builtin__")
        for name in ("object", "int", "long", "float", "str", "bytes", "bool")
    ),
    *(("numpy", name) for name in ("dtype", "ndarray")),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
# Modules whose every function or class makes data.
_DATA_MODULES = ("datetime", "pathlib", "pathlib._local", "torch.jit._pickle", "numpy.random._pickle")
# Libraries whose settings are objects of their own, enumerations among them, which are pickled as calls.
_DATA_PACKAGES = ("omegaconf", "lightning", "pytorch_lightning", "lightning_fabric", "transformers", "fairseq")
# Modules that are never named in a pickle of plain data, but for the functions above.
_ACTING = (
    "builtins",
    "__builtin__",
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "runpy",
    "importlib",
    "ctypes",
    "pty",
    "shutil",
    "socket",
)


def may_be_named(function: Global) -> bool:
    """Return whether plain data may mention a class or function at all, as an argument for example.

    Example:
        >>> may_be_named(Global("torch", "float32")), may_be_named(Global("builtins", "eval"))
        (True, False)
    """
    return (function.module, function.name) in _DATA or function.module.partition(".")[0] not in _ACTING


def makes_data(function: Global, how: str) -> bool:
    """Return whether a call, or an instance made without one, is plain data.

    Nothing is called either way. What is refused would not be copied into a new file either.

    Example:
        >>> makes_data(Global("collections", "OrderedDict"), "reduce"), makes_data(Global("os", "system"), "reduce")
        (True, False)
    """
    if not may_be_named(function):
        return False
    module, name = function.module, function.name
    top = module.partition(".")[0]
    if (module, name) in _DATA or module in _DATA_MODULES:
        return True
    if module == "torch._utils":
        return name.startswith("_rebuild")
    if how != "reduce":  # no __init__ runs; torch's own loader refuses those that it does not know
        return "." not in name
    return top in _DATA_PACKAGES and "." not in name and name[:1].isupper()  # a class, such as an enumeration
