import builtins
import platform

import pytest
import torch

from posembed import hardware
from posembed._version import __version__
from posembed.errors import InvalidArgumentError
from posembed.hardware import available_cores, environment, has_bf16, resolve_device, resolve_precision


def pretend(monkeypatch, machine, *, avx512=False, amx=False, arm=False):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: arm, raising=False)


@pytest.mark.parametrize(
    ("machine", "capability", "expected"),
    [
        ("x86_64", {}, "fp32"),
        ("x86_64", {"avx512": True}, "bf16"),
        ("x86_64", {"amx": True}, "bf16"),
        ("x86_64", {"arm": True}, "fp32"),  # on x86 that question is answered for slow emulation
        ("AMD64", {"avx512": True}, "bf16"),
        ("aarch64", {}, "fp32"),
        ("arm64", {"arm": True}, "bf16"),
        ("aarch64", {"avx512": True}, "fp32"),
    ],
)
def test_auto_follows_the_capability(monkeypatch, machine, capability, expected):
    pretend(monkeypatch, machine, **capability)
    assert resolve_precision("auto", "cpu") == expected
    assert has_bf16("cpu") is (expected == "bf16")


@pytest.mark.parametrize("supported", [False, True])
def test_cuda_without_emulation(monkeypatch, supported):
    asked = []

    def is_bf16_supported(including_emulation=True):
        asked.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert resolve_precision("auto", "cuda:0") == ("bf16" if supported else "fp32")
    assert asked == [False]


def test_a_named_precision_is_kept(monkeypatch):
    pretend(monkeypatch, "x86_64")
    assert resolve_precision("bf16", "cpu") == "bf16"
    assert resolve_precision("fp32", "cpu") == "fp32"
    assert resolve_precision("auto", "mps") == "fp32"
    with pytest.raises(InvalidArgumentError, match="precision='fp16' must be auto, bf16 or fp32"):
        resolve_precision("fp16", "cpu")


@pytest.mark.parametrize("name", ["bogus", "", "cpu:-1", "privateuseone", "hpu"])
def test_a_device_that_is_not_there(name):
    text = rf"^device='{name}' cannot be used here \(.+\); available: auto, cpu"
    with pytest.raises(InvalidArgumentError, match=text) as found:
        resolve_device(name)
    assert "\n" not in str(found.value)


def test_devices(monkeypatch):
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(InvalidArgumentError, match="device='meta' holds no values"):
        resolve_device("meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InvalidArgumentError, match="available: auto, cpu, cuda:0, cuda:1"):
        resolve_device("bogus")


def test_auto_is_the_first_gpu_if_there_is_one(monkeypatch):
    found = []
    for cuda, mps in ((False, False), (False, True), (True, True)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        found.append(resolve_device("auto"))
    assert found == ["cpu", "mps", "cuda:0"]


def test_cores_and_processor_where_linux_is_not(monkeypatch):
    monkeypatch.delattr(hardware.os, "sched_getaffinity")
    monkeypatch.setattr(hardware.os, "cpu_count", lambda: 12)
    monkeypatch.setattr(builtins, "open", _no_file)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    record = environment("cpu")
    assert (record["cores"], record["cpu"]) == (12, "arm")


def _no_file(*_, **__):
    raise FileNotFoundError


def test_the_record(monkeypatch):
    record = environment("cpu")
    assert record["posembed"] == __version__
    assert record["torch"] == torch.__version__
    assert record["python"] == platform.python_version()
    assert record["accelerator"] is None
    assert record["cores"] == available_cores() >= 1
    assert record["cpu"]
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    monkeypatch.setattr(hardware, "has_bf16", lambda _: True)
    assert environment("cuda:1")["accelerator"] == "card cuda:1"
