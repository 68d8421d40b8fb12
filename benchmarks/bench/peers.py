"""The input embeddings that ours is compared with, all with the weights of one BertEmbeddings of Transformers.

Each is a function from ids (and token types) to the output. What cannot run here is named with the reason.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings

from benchmarks.embedding import VOCABULARY
from posembed import TokenPositionEmbedding, load_transformers_state_dict
from posembed.errors import first_line

ORT = "ONNX Runtime, EmbedLayerNormalization"
FLASH = "flash-attn, BertEmbeddings + LayerNorm"
LIGER = "Liger, embedding"
KEEPING, MODULES = "posembed, keep_gradients=True", "posembed without numba (its submodules)"
Run = Callable[[], Tensor]


@dataclass
class Peers:
    """Modules with the same weights, and what is not here.

    Attributes:
        theirs: Transformers' module, the reference of parity.
        modules: every module that can be trained, by name, ours first.
        missing: the others, with the reason.
    """

    theirs: BertEmbeddings
    modules: dict[str, nn.Module]
    missing: dict[str, str] = field(default_factory=dict)


def make_bert(
    width: int, positions: int, vocabulary: int = VOCABULARY
) -> tuple[BertEmbeddings, TokenPositionEmbedding]:
    """Return Transformers' input embedding and ours with the same weights, without dropout."""
    config = BertConfig(
        hidden_size=width, num_attention_heads=1, hidden_dropout_prob=0.0, vocab_size=vocabulary,
        max_position_embeddings=positions,
    )  # fmt: skip
    theirs = BertEmbeddings(config)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.02)
    return theirs, like(theirs)


def like(theirs: BertEmbeddings, **options: Any) -> TokenPositionEmbedding:
    """Return our module with the sizes and weights of Transformers'."""
    tables = theirs.word_embeddings, theirs.position_embeddings
    vocabulary, positions = (table.num_embeddings for table in tables)
    width = theirs.word_embeddings.embedding_dim
    ours = TokenPositionEmbedding.from_preset(
        "bert-base", d_model=width, max_len=positions, vocab_size=vocabulary, dropout=0.0, **options
    )
    load_transformers_state_dict(ours, {f"embeddings.{name}": value for name, value in theirs.state_dict().items()})
    return ours


def make_peers(width: int, positions: int, *, compiled: bool) -> Peers:
    """Return every module that can be trained here, eager and, where there is a C++ compiler, compiled."""
    theirs, ours = make_bert(width, positions)
    peers = Peers(theirs, {"posembed": ours, "transformers": theirs})
    if importlib.util.find_spec("numba") is None:
        peers.missing[KEEPING] = "numba is not installed (pip install 'posembed[cpu]'): ours are its submodules"
    else:
        peers.modules |= {KEEPING: like(theirs, keep_gradients=True), MODULES: like(theirs, backend="modules")}
    try:
        peers.modules[FLASH] = FlashAttention(theirs)
    except ImportError as error:
        peers.missing[FLASH] = f"{first_line(error)} (pip install flash-attn, see the Makefile)"
    peers.missing[LIGER] = why_not_liger()
    if not compiled:
        return peers
    if any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        peers.modules |= {
            f"{name}, compiled": torch.compile(peers.modules[name])  # type: ignore[misc]
            for name in ("posembed", "transformers")
        }
    else:
        peers.missing["compiled forms"] = "torch.compile needs a C++ compiler, and there is none"
    return peers


class FlashAttention(nn.Module):
    """flash-attn's BertEmbeddings followed by LayerNorm, as its BertModel does on a CPU.

    Importing flash-attn needs its CUDA extension, of which its embeddings use nothing. So the package is entered
    without running its ``__init__``.
    """

    def __init__(self, theirs: BertEmbeddings) -> None:
        super().__init__()
        embeddings = _flash_embeddings()
        tables = (theirs.word_embeddings, theirs.position_embeddings, theirs.token_type_embeddings)
        vocabulary, positions, kinds = (table.num_embeddings for table in tables)
        width = theirs.word_embeddings.embedding_dim
        self.embeddings = embeddings(width, vocabulary, positions, kinds, padding_idx=0)
        self.norm = nn.LayerNorm(width, eps=theirs.LayerNorm.eps)
        state = theirs.state_dict()
        self.norm.load_state_dict({name: state.pop(f"LayerNorm.{name}") for name in ("weight", "bias")})
        self.embeddings.load_state_dict(state)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Embed as ``BertModel`` does."""
        embedded: Tensor = self.norm(self.embeddings(input_ids, token_type_ids=token_type_ids))
        return embedded


def _flash_embeddings() -> type[nn.Module]:
    """Import the one class that needs no GPU, past the package's own `__init__`, which does; leave no trace of it."""
    before = {name: module for name, module in sys.modules.items() if _is_flash(name)}
    if "flash_attn" not in before:
        found = importlib.util.find_spec("flash_attn")
        if found is None or not found.submodule_search_locations:
            raise ImportError("flash-attn is not installed")
        package = types.ModuleType("flash_attn")
        package.__path__ = list(found.submodule_search_locations)
        sys.modules["flash_attn"] = package
    try:
        from flash_attn.modules.embedding import BertEmbeddings as Embeddings
    finally:  # Transformers asks for the package too, and must find it as it is installed
        for name in [name for name in sys.modules if _is_flash(name)]:
            del sys.modules[name]
        sys.modules.update(before)
    return Embeddings  # type: ignore[no-any-return]


def _is_flash(name: str) -> bool:
    return name.partition(".")[0] == "flash_attn"


def why_not_liger() -> str:
    """Return why Liger's embedding cannot run on a CPU, by trying it."""
    if importlib.util.find_spec("liger_kernel") is None:
        return "not installed (pip install --no-deps liger-kernel); its kernels are Triton's, which need a GPU"
    try:
        from liger_kernel.transformers.experimental.embedding import LigerEmbedding

        LigerEmbedding(4, 8)(torch.zeros(1, 2, dtype=torch.int64))
    except Exception as error:  # whatever a kernel raises that finds no GPU
        return f"{first_line(error)}: its kernels are Triton's, which need a GPU (benchmarks/gpu.sh)"
    return "it runs, and adds no positions: only its token rows could be compared"


def onnx_runtime(theirs: BertEmbeddings, ids: Tensor, kinds: Tensor) -> Run:
    """Return a run of ONNX Runtime's fused operator, with as many threads as PyTorch.

    Raises:
        ImportError: without onnx or onnxruntime.
    """
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    tables = {
        "words": theirs.word_embeddings.weight, "positions": theirs.position_embeddings.weight,
        "kinds": theirs.token_type_embeddings.weight, "gamma": theirs.LayerNorm.weight, "beta": theirs.LayerNorm.bias,
    }  # fmt: skip
    node = helper.make_node(
        "EmbedLayerNormalization", ["ids", "types", *tables], ["output", "mask"], domain="com.microsoft",
        epsilon=theirs.LayerNorm.eps,
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "embedding",
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "length"]) for name in ("ids", "types")],
        [
            helper.make_tensor_value_info(
                "output", TensorProto.FLOAT, ["batch", "length", theirs.LayerNorm.weight.numel()]
            )
        ],
        [numpy_helper.from_array(value.detach().numpy(), name) for name, value in tables.items()],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=10)  # onnxruntime lags behind onnx
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    # Its waiting threads would take the processor from the candidate that is timed next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = {"ids": ids.to(torch.int32).numpy(), "types": kinds.to(torch.int32).numpy()}
    return lambda: torch.from_numpy(session.run(["output"], inputs)[0])
