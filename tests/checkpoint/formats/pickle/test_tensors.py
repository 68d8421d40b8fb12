"""What torch saves is read as torch loads it, whatever the tensor."""

import warnings
import zipfile

import pytest
import torch

from posembed.checkpoint.formats.pickle.index import read_pickle
from posembed.checkpoint.formats.pickle.nodes import Call, Global, Items, PickleFaultError, Storage
from posembed.checkpoint.formats.pickle.tensors import DTYPES, tensor_of, width

BASE = torch.arange(24.0)
PLAIN = {
    "whole": BASE,
    "part": BASE[3:9].view(2, 3),
    "transposed": BASE[3:9].view(2, 3).t(),
    "every_second": BASE[::2],
    "negated": torch._neg_view(torch.ones(2, 2)),
    "parameter": torch.nn.Parameter(torch.randn(2)),
    "number": torch.tensor(3),
    "none": torch.zeros(0, 3),
    "one": torch.randn(1, 1, 1),
    "square_view": torch.as_strided(BASE, (3, 3), (1, 1)),
}
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch calls these layouts prototypes
    SPECIAL = {
        "meta F32": torch.empty(3, 4, device="meta"),
        "sparse F32": torch.eye(3).to_sparse(),
        "sparse F64": torch.eye(3).double().to_sparse_csr(),
        "quantized I8": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8),
        "expanded F32": torch.ones(1, 4).expand(5, 4),
        "conjugated C64": torch.conj(torch.ones(2, 2, dtype=torch.complex64)),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", PLAIN)
def test_values_are_those_of_torch(tmp_path, name, zipped):
    torch.save({"a": PLAIN[name], "b": BASE}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    expected = torch.load(tmp_path / "a.pt")["a"].detach()
    tensor = read_pickle(tmp_path / "a.pt").tensors["a"]
    values = tensor.read()
    assert tensor.shape == values.shape == tuple(expected.shape)
    assert torch.equal(torch.from_numpy(values.copy()), expected.resolve_neg())


@pytest.mark.filterwarnings("ignore")  # torch calls complex32 experimental
@pytest.mark.parametrize("dtype", sorted(name for name in DTYPES if not name.startswith("q")))
def test_every_dtype(tmp_path, dtype):
    tensor = torch.arange(1, 5).to(getattr(torch, dtype), copy=True)
    torch.save({"a": tensor}, tmp_path / "a.pt")
    values = read_pickle(tmp_path / "a.pt").tensors["a"].read()
    assert values.tobytes() == bytes(tensor.view(torch.uint8).tolist())


@pytest.mark.parametrize("name", SPECIAL)
def test_other_tensors_are_named_and_not_read(tmp_path, name):
    torch.save({"a": SPECIAL[name], "b": BASE}, tmp_path / "a.pt")
    tensor = read_pickle(tmp_path / "a.pt").tensors["a"]
    assert tensor.dtype == name
    if name != "nested":
        assert tensor.shape == tuple(SPECIAL[name].shape)


def rebuild(*arguments, name="_rebuild_tensor_v2"):
    return Call(Global("torch._utils", name), arguments, "reduce")


def storage(count, kind="FloatStorage"):
    return Storage(("storage", Global("torch", kind), "0", "cpu", count))


@pytest.mark.parametrize(
    "arguments",
    [
        (storage(4), 0, (2, 3), (3, 1)),  # six numbers of four
        (storage(4), 3, (2,), (1,)),
        (storage(4), 0, (1 << 40, 1 << 40), (0, 0)),
        (storage(4), 0, (2, 2), (1,)),
        (storage(4), -1, (2,), (1,)),
        (storage(-4), 0, (2,), (1,)),
        (storage(4), 0, (True,), (1,)),
        (storage(4), 0, "ab", (1, 1)),
        (storage(4), 0, (1,) * 33, (1,) * 33),
        (storage(4, "StrangeStorage"), 0, (2,), (1,)),
        ("0", 0, (2,), (1,)),
        (storage(4),),
    ],
)
def test_tensors_that_cannot_be(arguments):
    with pytest.raises(PickleFaultError):
        tensor_of(rebuild(*arguments, False, None))


def test_a_tensor_that_repeats_its_numbers_takes_no_memory():
    ref = tensor_of(rebuild(storage(4), 0, (1 << 20, 4), (0, 1), False, None))
    assert ref.dtype_name == "expanded F32"


def test_parameters_in_parameters_end():
    call = rebuild(storage(4), 0, (4,), (1,), False, None)
    wrapped = rebuild(call, True, None, name="_rebuild_parameter")
    assert tensor_of(wrapped).call is call
    for _ in range(1000):
        wrapped = rebuild(wrapped, True, None, name="_rebuild_parameter")
    with pytest.raises(PickleFaultError):
        tensor_of(wrapped)


def test_other_objects_are_no_tensors():
    assert tensor_of(Call(Global("collections", "OrderedDict"), (), "reduce")) is None
    assert tensor_of(Items()) is None
    with pytest.raises(PickleFaultError, match="dtype"):
        width("float3")


def test_numbers_that_are_missing_are_noticed_at_once(tmp_path):
    torch.save({"a": torch.ones(100), "b": torch.ones(3)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as old, zipfile.ZipFile(tmp_path / "b.pt", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if not name.endswith("data/1"):
                new.writestr(name, data[:200] if name.endswith("data/0") else data)
    from posembed.errors import CheckpointError

    with pytest.raises(CheckpointError, match=r"a needs 400 bytes and the file has only 200"):
        read_pickle(tmp_path / "b.pt")
