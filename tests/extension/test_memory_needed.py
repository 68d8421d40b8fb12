"""Sizes beyond memory are refused from shapes alone, and what fits is not."""

import tracemalloc

import numpy as np
import pytest

from posembed import extend_checkpoint, extend_table, plan_extension
from posembed.errors import InvalidArgumentError
from posembed.extension import memory_needed
from posembed.extension.write import new_values
from posembed.tables.extend import working_bytes

POSITION = "embeddings.position_embeddings.weight"
GPT2 = {"model_type": "gpt2", "n_positions": 64, "n_ctx": 64}


@pytest.fixture
def masked(write):
    masks = {f"h.{layer}.attn.bias": np.tril(np.ones((1, 1, 64, 64), bool)) for layer in range(12)}
    return write({"wte.weight": (50, 8), "wpe.weight": (64, 8), **masks}, config=GPT2)


@pytest.mark.parametrize("size", [1_000_000_000_000 // 512, 2**31 - 1])
def test_a_length_beyond_memory(bert, tmp_path, monkeypatch, size):
    monkeypatch.setattr("posembed.memory.available_memory", lambda: 16 << 30)
    plan = extend_checkpoint(bert, tmp_path / "out", size, dry_run=True)
    (why,) = plan.blocked
    assert why.startswith("it needs about ")
    assert f"GB of memory, and 17.2 GB are available; the largest tensor, {POSITION}, would be {size} × 8" in why
    for length_aware in (False, True):
        with pytest.raises(InvalidArgumentError, match=r"not supported: it needs about .* of memory"):
            extend_checkpoint(bert, tmp_path / "out", size, length_aware=length_aware)
    assert not (tmp_path / "out").exists()


def test_masks_count_all_together(masked, monkeypatch):
    monkeypatch.setattr("posembed.memory.available_memory", lambda: 16 << 30)
    assert plan_extension(masked, 30_000).blocked == ()
    (why,) = plan_extension(masked, 60_000).blocked
    assert why.startswith("it needs about 54 GB of memory")  # 12 masks of 3.6 GB, and one of them read back
    assert "h.0.attn.bias, would be 1 × 1 × 60000 × 60000" in why


def test_a_grid_beyond_memory(write, cli, tmp_path):
    vit = write(
        {"vit.embeddings.position_embeddings": (1, 197, 8), "vit.embeddings.cls_token": (1, 1, 8)},
        config={"model_type": "vit", "image_size": 224, "patch_size": 16},
    )
    for words in (["--dry-run"], []):
        code, _, said = cli("extend", vit, tmp_path / "out", "--grid", "200000x200000", *words)
        assert code == 2
        assert "not supported: it needs about 8.96 TB of memory" in said
    code, _, said = cli("extend", vit, tmp_path / "out", "--grid", f"{'9' * 40}x2")
    assert (code, "Traceback" in said) == (2, False)


@pytest.mark.parametrize("name", ["length", "grid", "image_size"])
def test_mistyped_numbers(bert, name):
    for size in (2**31, 10**30, 10**5000):
        value = size if name != "grid" else (2, size)
        with pytest.raises(InvalidArgumentError, match=rf"{name}=.* must be at most 2147483647"):
            plan_extension(bert, **{name: value})


def test_a_table_alone_is_refused_too(monkeypatch):
    monkeypatch.setattr("posembed.memory.available_memory", lambda: 1 << 30)
    with pytest.raises(InvalidArgumentError, match=r"^length=1000000000 needs about 192 GB of memory, and 1.07 GB are"):
        extend_table(np.zeros((4, 8), np.float32), 1_000_000_000)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("method", ["tile", "linear", "cubic", "random", "hierarchical", "stretch"])
def test_the_estimate_is_not_below_what_is_taken(dtype, method):
    table = np.random.default_rng(0).normal(size=(512, 16)).astype(dtype)
    tracemalloc.start()
    extend_table(table, 100_000, method=method)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= working_bytes((100_000, 16), table.itemsize) + (1 << 20)


def test_masks_take_what_was_estimated(masked, monkeypatch):
    plan = plan_extension(masked, 1000)
    estimates = []
    monkeypatch.setattr(memory_needed, "beyond_memory", estimates.append)
    plan_extension(masked, 1000)
    tracemalloc.start()
    new_values(plan)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 12 * 1000 * 1000 <= taken <= estimates[0] + (1 << 20)
