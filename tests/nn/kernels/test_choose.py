"""Which implementation embeds an input: what is chosen, what is refused, and never a silent change."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

from posembed.errors import InvalidArgumentError
from posembed.nn import SinusoidalPositionalEmbedding, TokenPositionEmbedding, observed
from posembed.nn.inputs import Where
from posembed.nn.kernels import choose

IDS = torch.tensor([[1, 2, 3]])


def build(**arguments):
    shape = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "dropout": 0.1}
    return TokenPositionEmbedding(7, 8, 6, **{**shape, **arguments})


def choice(embed, ids):
    """The choice alone: tensors without values cannot be computed with everywhere."""
    parts = choose.Parts(*(getattr(embed, name) for name in choose.Parts._fields))
    return choose.choose(embed.backend, parts, ids, Where(0))


def replace(name, module):
    return lambda embed: setattr(embed, name, module)


class Doubled(nn.Embedding):
    def forward(self, ids):
        return 2 * super().forward(ids)


UNUSUAL = {
    "a hook": lambda e: e.token.register_forward_hook(lambda *_: None),
    "a hook of the norm": lambda e: e.norm.register_forward_pre_hook(lambda *_: None),
    "a hook of dropout": lambda e: e.dropout.register_forward_hook(lambda *_: None),
    "a backward hook": lambda e: e.position.register_full_backward_hook(lambda *_: None),
    "a replaced forward": lambda e: setattr(e.segment, "forward", e.segment.forward),
    "a parametrization": lambda e: parametrizations.weight_norm(e.token),
    "another class": replace("token", Doubled(7, 6)),
    "max_norm": replace("token", nn.Embedding(7, 6, max_norm=1.0)),
    "sparse": replace("token", nn.Embedding(7, 6, sparse=True)),
    "scale_grad_by_freq": replace("segment", nn.Embedding(2, 6, scale_grad_by_freq=True)),
    "padding of types": replace("segment", nn.Embedding(2, 6, padding_idx=0)),
    "no weight": replace("norm", nn.LayerNorm(6, elementwise_affine=False)),
    "another norm": replace("norm", nn.RMSNorm(6)),
    "sinusoids": replace("position", SinusoidalPositionalEmbedding(8, 6)),
    "several dtypes": lambda e: e.norm.double(),
    "several widths": replace("segment", nn.Embedding(2, 1)),
    "certain dropout": lambda e: setattr(e.dropout, "p", 1.0),
}


@pytest.fixture
def called(monkeypatch):
    """The paths that calls took other than by the modules."""
    paths = []
    from posembed.nn import token_position

    monkeypatch.setattr(token_position, "embed", lambda path, *_: paths.append(path))
    return paths


def test_names():
    assert build().backend == build(backend=None).backend == "auto"
    with pytest.raises(
        InvalidArgumentError, match="backend='cuda' must be one of auto, modules, reference, triton, cpu, or"
    ):
        build(backend="cuda")


def test_a_module_from_before_backends(called):
    embed = build()
    del embed.__dict__["backend"]
    assert embed(IDS).shape == (1, 3, 6)
    assert called == []


def test_small_inputs_on_the_cpu_are_served_by_the_modules(called):
    assert torch.equal(build().eval()(IDS), build().eval()(IDS)) is False  # other weights
    build(backend="modules")(IDS)
    assert called == []
    build(backend="reference")(IDS)
    assert called == ["reference"]


@pytest.fixture
def numba(monkeypatch):
    """Choose as if numba were installed, and every input large."""
    monkeypatch.setattr(choose, "NUMBA_INSTALLED", True)
    monkeypatch.setattr(choose, "CPU_ELEMENTS", 18)


def test_large_inputs_on_the_cpu_are_served_by_its_kernels(numba, called, monkeypatch):
    embed = build()
    embed(IDS)
    assert called == ["cpu"]
    embed(IDS[:, :2])
    assert called == ["cpu"]
    build(backend="cpu")(IDS[:, :2])
    build(keep_gradients=True)(IDS[:, :2])
    assert called == ["cpu"] * 3
    build(backend="modules")(IDS)
    monkeypatch.setattr(choose, "NUMBA_INSTALLED", False)
    embed(IDS)
    assert called == ["cpu"] * 3


def test_without_numba(called, monkeypatch):
    monkeypatch.setattr(choose, "NUMBA_INSTALLED", False)
    with pytest.raises(InvalidArgumentError, match=r"numba is not installed \(pip install 'posembed\[cpu\]'\)"):
        build(backend="cpu")(IDS)
    with pytest.raises(InvalidArgumentError, match=r"keep_gradients=True needs .* pip install 'posembed\[cpu\]'"):
        build(keep_gradients=True)
    assert called == []


@pytest.mark.parametrize("change", sorted(set(UNUSUAL) - {"a hook of dropout", "certain dropout"}))
def test_unusual_submodules_on_the_cpu_are_called(change, numba):
    embed = build()
    assert choice(embed, IDS) == "cpu"
    UNUSUAL[change](embed)
    assert choice(embed, IDS) == "modules"
    embed.backend = "cpu"
    with pytest.raises(InvalidArgumentError, match=r"backend='cpu' cannot run here, because .*: use backend='auto'"):
        choice(embed, IDS)


def halve(embed):
    embed.bfloat16()


def transpose(embed):
    embed.token.weight = nn.Parameter(torch.randn(6, 7).T)


@pytest.mark.parametrize(
    ("change", "reason"), [(halve, "float32 and float64 tables only"), (transpose, "a table is not contiguous")]
)
def test_tables_that_the_kernels_of_the_cpu_cannot_read(change, reason, numba):
    embed = build()
    change(embed)
    assert choice(embed, IDS) == "modules"
    embed.backend = "cpu"
    with pytest.raises(InvalidArgumentError, match=reason):
        choice(embed, IDS)


def in_a_transform(choose_now):
    torch.vmap(lambda _: (choose_now(), torch.zeros(()))[1])(torch.zeros(1))


def in_a_mode(choose_now):
    with FlopCounterMode(display=False):
        choose_now()


def in_a_function_mode(choose_now):
    with torch.device("cpu"):
        choose_now()


def in_forward_mode(choose_now):
    with torch.autograd.forward_ad.dual_level():
        choose_now()


@pytest.mark.parametrize("watch", [in_a_transform, in_a_mode, in_a_function_mode, in_forward_mode])
def test_whatever_watches_operations_sees_those_of_the_modules(watch, numba):
    embed, seen = build(), []
    watch(lambda: seen.append(choice(embed, IDS)))
    assert seen == ["modules"]
    assert choice(embed, IDS) == "cpu"


@pytest.mark.parametrize("backend", ["reference", "triton"])
@pytest.mark.parametrize("change", UNUSUAL)
def test_an_unusual_submodule_is_refused_by_name(backend, change, called):
    embed = build(backend=backend)
    UNUSUAL[change](embed)
    with pytest.raises(
        InvalidArgumentError, match=rf"backend='{backend}' cannot run here, because .*: use backend='auto'"
    ):
        embed(IDS)
    assert called == []


def test_embeddings_of_the_caller_are_refused():
    with pytest.raises(InvalidArgumentError, match="inputs_embeds are given, not input_ids"):
        build(backend="reference")(inputs_embeds=torch.zeros(1, 3, 6))


def test_half_precision_under_autocast_is_refused():
    embed = build(backend="reference", dtype=torch.bfloat16)
    assert embed(IDS).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(InvalidArgumentError, match="autocast is on"):
        embed(IDS)


def test_triton_on_the_cpu_is_refused(monkeypatch, called):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(choose, "TRITON_INSTALLED", True)
    with pytest.raises(InvalidArgumentError, match="Triton needs a CUDA device and the input is on cpu"):
        build(backend="triton")(IDS)
    monkeypatch.setattr(choose, "TRITON_INSTALLED", False)
    with pytest.raises(InvalidArgumentError, match=r"triton is not installed \(pip install 'posembed\[triton\]'\)"):
        build(backend="triton")(IDS)
    assert called == []


@pytest.fixture
def cuda(monkeypatch):
    """Tensors without values that say they are on a GPU of the Ampere generation."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(choose, "TRITON_INSTALLED", True)
    monkeypatch.setattr(choose, "_is_supported", lambda _: True)
    monkeypatch.setattr(observed, "_plain_tensors", lambda: (nn.Parameter, FakeTensor))
    with FakeTensorMode():
        yield torch.zeros(1, 3, dtype=torch.int64, device="cuda")


def test_a_gpu_is_served_by_the_kernels(cuda, called):
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        build(device="cuda", dtype=dtype)(cuda)
    build(device="cuda")(cuda, position_ids=cuda)
    assert called == ["triton"] * 4


def test_shapes_of_the_operator_on_a_gpu(cuda):
    with torch.no_grad():  # autograd needs the real device
        output = build(device="cuda", dtype=torch.bfloat16)(cuda)
    assert (output.shape, output.dtype, output.device.type) == ((1, 3, 6), torch.bfloat16, "cuda")


@pytest.mark.parametrize(
    "change", sorted(set(UNUSUAL) - {"a parametrization", "sinusoids", "several dtypes", "several widths"})
)
def test_unusual_submodules_on_a_gpu_are_called(change, cuda, called):
    embed = build(device="cuda")
    UNUSUAL[change](embed)
    assert choice(embed, cuda) == "modules"


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        ("dtype", "float32, float16 and bfloat16 tables only"),
        ("width", "d_model=16385 exceeds 16384"),
        ("capability", "compute capability 8.0 or newer"),
        ("triton", "triton is not installed"),
        ("vmap", "a transform of torch.func is active"),
    ],
)
def test_obstacles_on_a_gpu(obstacle, reason, cuda, called, monkeypatch):
    embed = build(device="cuda")
    if obstacle == "dtype":
        embed = build(device="cuda", dtype=torch.float64)
    elif obstacle == "width":
        embed = TokenPositionEmbedding(7, 8, 16385, device="cuda")
    elif obstacle == "capability":
        monkeypatch.setattr(choose, "_is_supported", lambda _: False)
    elif obstacle == "triton":
        monkeypatch.setattr(choose, "TRITON_INSTALLED", False)
    else:
        monkeypatch.setattr(torch._C._functorch, "get_dynamic_layer_stack_depth", lambda: 1)
    assert choice(embed, cuda) == "modules"
    embed.backend = "triton"
    with pytest.raises(InvalidArgumentError, match=reason):
        embed(cuda)


def test_supported_devices(monkeypatch):
    device = torch.device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    for major, supported in [(8, True), (12, True), (7, False)]:
        properties = SimpleNamespace(major=major)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, known=properties: known)
        assert choose._is_supported(device) is supported
    monkeypatch.setattr(torch.version, "cuda", None)  # AMD's devices are called cuda, too
    assert not choose._is_supported(device)


def test_a_transform_is_noticed():
    seen, table = [], nn.Embedding(2, 2)

    def depth(x):
        seen.append(choose.why_not_triton(table, torch.device("cuda")))
        return x

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "TRITON_INSTALLED", True)
        patch.setattr(choose, "interpreted", lambda: True)
        torch.vmap(depth)(torch.zeros(2))
        depth(torch.zeros(2))
    assert seen == ["a transform of torch.func is active", ""]


def test_the_cpu_path_is_for_the_cpu(cuda):
    with pytest.raises(
        InvalidArgumentError, match="backend='cpu' cannot run here, because the input is on device cuda"
    ):
        build(device="cuda", backend="cpu")(cuda)
