"""What ONNX Runtime says of a graph and its copy."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from posembed.checkpoint.source import open_checkpoint
from posembed.commands.extend import extend_checkpoint
from posembed.errors import ModelCheckError
from posembed.extension.check import onnx_graphs
from posembed.extension.check.libraries import ONNX_RUNTIME, library_of
from posembed.extension.check.messages import Copy, Size, Start
from tests.fixtures.onnx_files import ROWS, embedding

LONG = 2 * ROWS


@pytest.fixture
def save(tmp_path):
    def save(name, **options):
        path = tmp_path / name
        onnx.save(embedding(**options), path)
        return path

    return save


def ask(source, copy, *, run=True, kept=ROWS):
    size = Size("positions", "sequence", ROWS, LONG, kept)
    start = Start(ONNX_RUNTIME.name, str(source), run, (size,))
    answer, graph = onnx_graphs.read_source(start)
    return answer if graph is None else onnx_graphs.read_copy(start, graph, Copy(str(copy)))


def extended(source, target):
    extend_checkpoint(source, target, LONG, method="tile", check="off")
    return target


def changed(path, name, change):
    model = onnx.load(path)
    (tensor,) = [each for each in model.graph.initializer if each.name == name]
    tensor.CopyFrom(numpy_helper.from_array(change(np.array(numpy_helper.to_array(tensor))), name))
    onnx.save(model, path)
    return path


def test_a_copy_that_runs(save, tmp_path):
    answer = ask(save("a.onnx"), extended(save("a.onnx"), tmp_path / "b.onnx"))
    assert (answer.status, answer.ran) == ("fine", True)
    assert answer.reason == f"ran on {LONG} tokens; {ROWS} tokens give what they gave in the source"


def test_without_running_it_is_loaded(save, tmp_path):
    answer = ask(save("a.onnx"), extended(save("a.onnx"), tmp_path / "b.onnx"), run=False)
    assert (answer.status, answer.ran, answer.reason) == ("fine", False, "")


def test_a_kept_row_that_changed(save, tmp_path):
    def other(rows):
        rows[ROWS - 1] += 0.01
        return rows

    copy = changed(extended(save("a.onnx"), tmp_path / "b.onnx"), "positions", other)
    answer = ask(save("a.onnx"), copy)
    assert (answer.status, answer.ran) == ("fault", True)
    assert answer.reason == f"{ROWS} tokens give other outputs than in the source (by up to 0.01)"
    assert ask(save("a.onnx"), copy, kept=ROWS - 1).status == "fine"


@pytest.mark.parametrize("left", ["types", "positions"])
def test_a_constant_that_kept_its_length(save, tmp_path, left):
    copy = changed(
        extended(save("a.onnx"), tmp_path / "b.onnx"),
        left,
        lambda values: values[..., :ROWS] if left == "types" else values[:ROWS],
    )
    answer = ask(save("a.onnx"), copy)
    assert (answer.status, answer.ran) == ("fault", True)


def test_rows_that_are_not_finite(save, tmp_path):
    def infinite(rows):
        rows[-1] = np.inf
        return rows

    copy = changed(extended(save("a.onnx"), tmp_path / "b.onnx"), "positions", infinite)
    assert ask(save("a.onnx"), copy).reason == f"{LONG} tokens give numbers that are not finite"


def test_a_copy_that_does_not_load(save, tmp_path):
    (tmp_path / "b.onnx").write_bytes(b"\x08\x08")
    answer = ask(save("a.onnx"), tmp_path / "b.onnx", run=False)
    assert answer.status == "fault"


def test_a_source_that_does_not_load(save, tmp_path):
    (tmp_path / "b.onnx").write_bytes(b"no graph")
    answer = ask(tmp_path / "b.onnx", save("a.onnx"))
    assert answer.status == "unknown"
    assert answer.reason.startswith("the source does not load either: ")


def test_inputs_that_nothing_is_known_of(save, tmp_path):
    source = save("a.onnx", fixed=ROWS // 2)
    answer = ask(source, source)
    assert (answer.status, answer.ran) == ("fine", False)
    assert answer.reason == f"its input input_ids takes exactly {ROWS // 2} tokens"


@pytest.mark.model_check
def test_the_command(save, tmp_path):
    source = save("a.onnx")
    assert library_of(open_checkpoint(source)) is ONNX_RUNTIME
    done = extend_checkpoint(source, tmp_path / "b.onnx", LONG, method="tile", check="run")
    assert (done.checked.outcome, done.checked.what) == ("loads and runs", "the graph in ONNX Runtime")


@pytest.mark.model_check
def test_a_copy_with_a_fault_is_not_put_in_place(save, tmp_path, monkeypatch):
    monkeypatch.setattr("posembed.extension.plan.graph_buffers", lambda *_: ())  # constants keep the old length
    with pytest.raises(ModelCheckError, match="the graph in ONNX Runtime"):
        extend_checkpoint(save("a.onnx"), tmp_path / "b.onnx", LONG, method="tile", check="run")
    assert not (tmp_path / "b.onnx").exists()
