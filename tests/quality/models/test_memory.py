"""Batches as large as memory allows, and smaller ones after it ran out."""

from types import SimpleNamespace

import pytest
import torch

from posembed.errors import WorkFailedError
from posembed.quality.models import memory
from posembed.quality.models.memory import TOKENS_PER_BATCH, BatchSize, device_of, fits, memory_named


def model_of(width=64, device="cpu"):
    made = torch.nn.Linear(2, 2, device=device)
    made.config = SimpleNamespace(hidden_size=width)
    return made


def read_all(size, lengths, room=10**9):
    """The batches that were read, where more than ``room`` tokens at once do not fit."""
    done = []

    def read(batch):
        if len(batch) * max(lengths[number] for number in batch) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        done.append(batch)

    size.batches(lengths, read)
    return done


def test_texts_of_similar_length_share_a_batch():
    model = model_of()
    assert BatchSize(model).tokens == TOKENS_PER_BATCH
    assert read_all(BatchSize(model), [5000, 10, 4000, 4000, 20]) == [[0], [3, 2], [4, 1]]
    assert read_all(BatchSize(model), []) == []
    assert read_all(BatchSize(model), [0, 0]) == [[1, 0]]


def test_outputs_as_wide_as_a_vocabulary_count(monkeypatch):
    model = model_of()
    assert BatchSize(model, outputs=30522).tokens == (1 << 28) // (4 * 30522)
    assert BatchSize(model, outputs=1 << 30).tokens == 1
    assert BatchSize(model, outputs=10).tokens == TOKENS_PER_BATCH
    monkeypatch.setattr(memory, "free_bytes", lambda _: 8 << 30)
    assert BatchSize(model, outputs=30522).tokens == (2 << 30) // (4 * 30522)


def test_a_batch_that_does_not_fit_is_halved_and_so_are_later_ones():
    model = model_of()
    size = BatchSize(model)
    done = read_all(size, [100] * 70, room=2500)
    assert [len(batch) for batch in done] == [17, 17, 17, 17, 2]
    assert sorted(number for batch in done for number in batch) == list(range(70))
    assert size.tokens == 1700
    assert [len(batch) for batch in read_all(size, [100] * 30)] == [17, 13]


def test_one_text_that_does_not_fit():
    model = model_of()
    with pytest.raises(WorkFailedError, match=r"^one text of 300 tokens does not fit into the memory of cpu: close "):
        read_all(BatchSize(model), [300, 20], room=200)


def test_other_errors_stay():
    def work():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        fits(work)
    with pytest.raises(RuntimeError, match="mat1 and mat2"), memory_named("cpu", "or do less"):
        work()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GiB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_what_the_allocators_say(error):
    def work():
        raise error

    assert not fits(work)
    said = r"^the work does not fit into the memory of cuda:0: close .*device='cpu'; or do less$"
    with pytest.raises(WorkFailedError, match=said), memory_named("cuda:0", "or do less"):
        work()


def test_a_batch_fits_into_half_of_what_an_accelerator_has_free(monkeypatch):
    model = model_of(width=1024)
    for free, tokens in ((8 << 30, (4 << 30) // (16 * 1024 * 4)), (1 << 20, TOKENS_PER_BATCH), (1 << 50, 1 << 18)):
        monkeypatch.setattr(memory, "free_bytes", lambda _, free=free: free)
        assert BatchSize(model).tokens == tokens
    nameless = torch.nn.Linear(2, 2)
    assert BatchSize(nameless).tokens == TOKENS_PER_BATCH


def test_what_devices_say_they_have_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (7, 9))
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 10)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 4)
    assert [memory.free_bytes(torch.device(name)) for name in ("cuda:0", "mps", "cpu")] == [7, 6, None]


def test_where_a_model_is():
    assert device_of(model_of()) == torch.device("cpu")
    assert device_of(model_of(device="meta")) == torch.device("meta")
    assert device_of(torch.nn.Identity()) == torch.device("cpu")
    assert device_of(lambda: None) == torch.device("cpu")
