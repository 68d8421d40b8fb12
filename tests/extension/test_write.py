"""The written copy: whole or absent, refused where it must be, right in every dtype, file layout and option."""

import json
from unittest.mock import Mock

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from posembed import TableLayout, extend_checkpoint, extend_table, find_tables
from posembed.errors import CheckpointError, InvalidArgumentError, WorkFailedError
from posembed.extension import write as rewrite
from posembed.observer import Callbacks

POSITION = "embeddings.position_embeddings.weight"
BERT = {"model_type": "bert", "max_position_embeddings": 16}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16])
@pytest.mark.parametrize("method", ["tile", "linear", "hierarchical"])
def test_every_floating_dtype_stays(write, tmp_path, dtype, method):
    table = np.random.default_rng(0).normal(size=(16, 8)).astype(dtype)
    source = write({POSITION: table, "dense.weight": (4, 4)}, config=BERT)
    extend_checkpoint(source, tmp_path / "out", 40, method=method, verify="full")
    found = load_file(tmp_path / "out" / "model.safetensors")[POSITION]
    assert found.dtype == table.dtype
    expected = extend_table(table, 40, method=method, layout=TableLayout(length=16))
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8, torch.int64])
def test_other_dtypes_are_no_tables_to_extend(tmp_path, dtype):
    from safetensors.torch import save_file as save_torch

    source = tmp_path / "source"
    source.mkdir()
    save_torch({POSITION: torch.zeros(16, 8).to(dtype)}, source / "model.safetensors")
    (source / "config.json").write_text(json.dumps(BERT))
    with pytest.raises(InvalidArgumentError, match=POSITION):
        extend_checkpoint(source, tmp_path / "out", 32)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_table_that_is_not_finite_is_named_with_its_file(write, tmp_path, value):
    table = np.ones((16, 8), np.float32)
    table[5, 3] = value
    source = write({POSITION: table}, config=BERT)
    with pytest.raises(CheckpointError, match="row 5 holds nan or inf") as caught:
        extend_checkpoint(source, tmp_path / "out", 32)
    assert str(source / "model.safetensors") in str(caught.value)
    assert POSITION in str(caught.value)
    assert names(tmp_path) == ["source"]


# --- whole or absent -------------------------------------------------------------------------------------------------

STEPS = ["write_rewritten", "verify_file", "apply_changes", "copy_file", "_write_json"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_a_fault_midway_leaves_nothing(bert, tmp_path, monkeypatch, step, fault):
    original = getattr(rewrite, step)

    def fails(*arguments, **options):
        original(*arguments, **options)
        raise fault

    before = everything(bert)
    with monkeypatch.context() as faulty:
        faulty.setattr(rewrite, step, fails)
        with pytest.raises(WorkFailedError if isinstance(fault, OSError) else type(fault)):
            extend_checkpoint(bert, tmp_path / "new" / "out", 32)
    assert names(tmp_path) == ["source"]
    assert everything(bert) == before
    extend_checkpoint(bert, tmp_path / "new" / "out", 32)
    assert names(tmp_path / "new") == ["out"]


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_midway_leaves_the_old_result(bert, tmp_path, monkeypatch, step):
    extend_checkpoint(bert, tmp_path / "out", 32)
    before = everything(tmp_path)
    monkeypatch.setattr(rewrite, step, Mock(side_effect=OSError(5, "Input/output error")))
    with pytest.raises(WorkFailedError):
        extend_checkpoint(bert, tmp_path / "out", 48, force=True)
    assert everything(tmp_path) == before


def test_force_replaces_and_only_force(bert, tmp_path):
    extend_checkpoint(bert, tmp_path / "out", 32)
    (tmp_path / "out" / "stray.bin").touch()
    with pytest.raises(
        InvalidArgumentError, match="exists already: choose another path, or replace it with force=True"
    ):
        extend_checkpoint(bert, tmp_path / "out", 48)
    assert find_tables(tmp_path / "out")[0].usable_length == 32
    extend_checkpoint(bert, tmp_path / "out", 48, force=True)
    assert find_tables(tmp_path / "out")[0].usable_length == 48
    assert not (tmp_path / "out" / "stray.bin").exists()
    assert names(tmp_path) == ["out", "source"]


@pytest.mark.parametrize("target", ["source", "source/out", "."])
def test_the_source_is_never_touched(bert, tmp_path, monkeypatch, target):
    before = everything(bert)
    with pytest.raises(InvalidArgumentError, match="source"):
        extend_checkpoint(bert, tmp_path / target, 32, force=True)
    assert everything(tmp_path) == {f"source/{name}": content for name, content in before.items()}


def test_a_bad_copy_is_noticed(bert, tmp_path, monkeypatch):
    from posembed.checkpoint.formats.safetensors.edit import write_rewritten

    def flips_a_bit(header, target, *arguments, **options):
        write_rewritten(header, target, *arguments, **options)
        content = bytearray(target.read_bytes())
        content[-100] ^= 1
        target.write_bytes(content)

    monkeypatch.setattr(rewrite, "write_rewritten", flips_a_bit)
    with pytest.raises(CheckpointError):
        extend_checkpoint(bert, tmp_path / "out", 32, verify="full")
    assert names(tmp_path) == ["source"]


def test_verify_is_one_of_two(bert, tmp_path):
    with pytest.raises(InvalidArgumentError, match="verify='all' must be one of sampled, full"):
        extend_checkpoint(bert, tmp_path / "out", 32, verify="all")


# --- files -----------------------------------------------------------------------------------------------------------


def test_modes_stay(bert, tmp_path):
    for number, file in enumerate(sorted(bert.iterdir())):
        file.chmod((0o640, 0o444, 0o755)[number % 3])
    extend_checkpoint(bert, tmp_path / "out", 32)
    modes = [{f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} for folder in (bert, tmp_path / "out")]
    assert modes[1].pop("posembed.json") == modes[0]["model.safetensors"]  # what is new is as readable as the weights
    assert modes[0] == modes[1]


def test_links_for_what_does_not_change(bert, tmp_path):
    plan = extend_checkpoint(bert, tmp_path / "out", 32, link=True)
    changed = {"model.safetensors", *(change.file.name for change in plan.fields)}
    assert changed == {"model.safetensors", "config.json", "tokenizer_config.json", "tokenizer.json"}
    for file in bert.iterdir():
        assert (tmp_path / "out" / file.name).samefile(file) == (file.name not in changed)


def test_progress_ends_at_the_total(bert, tmp_path):
    seen = []
    observer = Callbacks(progress=lambda update: seen.append((update.done, update.total)))
    extend_checkpoint(bert, tmp_path / "out", 32, observer=observer)
    assert seen == sorted(seen)
    assert len({total for _, total in seen}) == 1
    assert 0 < seen[-1][0] <= seen[-1][1]


@pytest.fixture
def sharded(write):
    source = write({"unused": (1,)}, config=BERT)
    (source / "model.safetensors").unlink()
    shards = {
        "model-00001-of-00002.safetensors": {"dense.weight": np.ones((64, 8), np.float32)},
        "model-00002-of-00002.safetensors": {
            POSITION: np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32),
            "embeddings.position_ids": np.arange(16)[None],
        },
    }
    for name, arrays in shards.items():
        save_file(arrays, source / name)
    weight_map = {key: name for name, arrays in shards.items() for key in arrays}
    size = sum(values.nbytes for arrays in shards.values() for values in arrays.values())
    index = {"metadata": {"total_size": size, "note": "kept"}, "weight_map": weight_map}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    return source


def test_shards(sharded, tmp_path):
    plan = extend_checkpoint(sharded, tmp_path / "out", 40)
    assert plan.tables[0].table.file.name == "model-00002-of-00002.safetensors"
    out = tmp_path / "out"
    assert set(everything(out)) == {*everything(sharded), "posembed.json"}
    same = "model-00001-of-00002.safetensors"
    assert everything(out)[same] == everything(sharded)[same]
    index, before = (json.loads((d / "model.safetensors.index.json").read_text()) for d in (out, sharded))
    assert index["weight_map"] == before["weight_map"]
    held = [values for file in out.glob("*.safetensors") for values in load_file(file).values()]
    assert index["metadata"] == {"total_size": sum(values.nbytes for values in held), "note": "kept"}
    assert index["metadata"]["total_size"] == before["metadata"]["total_size"] + 24 * 8 * 4 + 24 * 8


@pytest.mark.parametrize("metadata", [None, [], {}, {"total_size": "many"}, {"total_size": None}, "text"])
def test_an_index_without_a_usable_total(sharded, tmp_path, metadata):
    file = sharded / "model.safetensors.index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"metadata": metadata}))
    extend_checkpoint(sharded, tmp_path / "out", 40)
    assert json.loads((tmp_path / "out" / file.name).read_text())["metadata"] == metadata


def test_an_index_is_not_enough(sharded, tmp_path):
    index = sharded / "model.safetensors.index.json"
    assert find_tables(index)[0].usable_length == 16
    with pytest.raises(InvalidArgumentError, match="name the directory of a sharded checkpoint, not its index"):
        extend_checkpoint(index, tmp_path / "out", 40)


def test_a_file_gives_a_file(bert, tmp_path):
    plan = extend_checkpoint(bert / "model.safetensors", tmp_path / "longer.safetensors", 32)
    assert plan.fields == ()
    assert plan.notes == (
        "only the one file is written: to change configuration and tokenizer too, name the directory",
    )
    assert load_file(tmp_path / "longer.safetensors")[POSITION].shape == (32, 8)
    assert names(tmp_path) == ["longer.safetensors", "source"]


# --- JSON that is odd but valid --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        '"text": "é \\u2028 \\ud800"',
        '"numbers": [1e-12, 1E5, -0.0, 1e400, NaN, -Infinity, 123456789012345678901234567890]',
        '"twice": 1, "twice": 2',
        '"": {"": [{}]}',
        '"deep": ' + "[" * 300 + "]" * 300,
    ],
    ids=["surrogate", "numbers", "twice", "empty", "deep"],
)
def test_other_fields_of_a_configuration_stay(bert, tmp_path, more):
    text = '{"model_type": "bert", "max_position_embeddings": 16, ' + more + "}"
    (bert / "config.json").write_text(text)
    extend_checkpoint(bert, tmp_path / "out", 32)
    expected = json.loads(text.replace('"max_position_embeddings": 16', '"max_position_embeddings": 32'))
    assert json.dumps(json.loads((tmp_path / "out" / "config.json").read_text())) == json.dumps(expected)


# --- PyTorch files ---------------------------------------------------------------------------------------------------


def test_tied_tensors_of_a_pickle_stay_tied(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    table, other = torch.randn(16, 8), torch.randn(4, 4)
    state = {POSITION: table, "tied.weight": table, "view": other[:2], "other": other, "number": 3}
    torch.save({"state_dict": state, "epoch": 7}, source / "pytorch_model.bin")
    (source / "config.json").write_text(json.dumps(BERT))
    (source / "pytorch_model.bin").chmod(0o640)
    extend_checkpoint(source, tmp_path / "out", 40)
    file = tmp_path / "out" / "pytorch_model.bin"
    assert file.stat().st_mode & 0o777 == 0o640
    loaded = torch.load(file, weights_only=True)
    new = loaded["state_dict"]
    assert (loaded["epoch"], new["number"], list(new)) == (7, 3, list(state))
    assert new[POSITION].data_ptr() == new["tied.weight"].data_ptr()
    assert torch.equal(new[POSITION], torch.cat((table, table, table[:8])))
    assert new["view"].data_ptr() == new["other"].data_ptr()
    assert torch.equal(new["other"], other)


def test_a_pickle_with_tensors_of_other_layouts(tmp_path):
    sparse = torch.eye(3).to_sparse()
    torch.save({"wpe.weight": torch.randn(16, 8), "sparse": sparse, "empty": torch.zeros(0)}, tmp_path / "model.pt")
    extend_checkpoint(tmp_path / "model.pt", tmp_path / "longer.pt", 32)
    new = torch.load(tmp_path / "longer.pt", weights_only=True)
    assert new["wpe.weight"].shape == (32, 8)
    assert torch.equal(new["sparse"].to_dense(), torch.eye(3))
