"""The table that is evaluated, searched or calibrated, and the parameter that holds it."""

from types import SimpleNamespace

import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.quality.models import position_table
from posembed.quality.models.position_table import only_table, parameter_name, refuse_length_aware, usable_length


def found(monkeypatch, *tables):
    made = [SimpleNamespace(is_text_sequence=text, usable_length=size, uncertain=sure) for text, size, sure in tables]
    monkeypatch.setattr(position_table, "find_tables", lambda _: made)
    monkeypatch.setattr(position_table, "open_checkpoint", lambda path: SimpleNamespace(root=path))
    return made


def test_the_shortest_table_limits_the_input(monkeypatch):
    found(monkeypatch, (True, 512, False), (False, 16, False), (True, 128, True))
    assert usable_length("a") == 128
    found(monkeypatch, (False, 16, False))
    with pytest.raises(InvalidArgumentError, match="a has no learned position table of a sequence"):
        usable_length("a")


def test_the_only_table(monkeypatch):
    _, table = found(monkeypatch, (False, 16, False), (True, 512, False))
    assert only_table("a") is table


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ([], "a has 0 sequence tables; exactly one unambiguous"),
        ([(True, 512, False), (True, 128, False)], "a has 2 sequence tables; exactly one"),
        ([(True, 512, True)], "a has one sequence table, whose rows are uncertain; exactly one"),
    ],
)
def test_no_table_or_several(monkeypatch, tables, sentence):
    found(monkeypatch, *tables)
    with pytest.raises(InvalidArgumentError, match=sentence):
        only_table("a")


def test_real_checkpoints(example_checkpoints):
    assert usable_length(example_checkpoints / "my-embedder") == 512
    assert usable_length(example_checkpoints / "my-roberta") == 512
    assert only_table(example_checkpoints / "my-gpt2").usable_length == 1024
    with pytest.raises(InvalidArgumentError, match="has no learned position table of a sequence"):
        usable_length(example_checkpoints / "my-vit")


def test_length_aware_tables_are_refused(tmp_path):
    refuse_length_aware(tmp_path, "calibrate")
    (tmp_path / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(
        InvalidArgumentError, match=r"has length-aware tables .*: calibrate the checkpoint that they were"
    ):
        refuse_length_aware(tmp_path, "calibrate")


class Model(torch.nn.Module):
    def __init__(self, *names):
        super().__init__()
        for name in names:
            *path, last = name.split(".")
            place = self
            for part in path:
                if not hasattr(place, part):
                    place.add_module(part, torch.nn.Module())
                place = getattr(place, part)
            place.register_parameter(last, torch.nn.Parameter(torch.zeros(1)))


@pytest.mark.parametrize(
    ("names", "key", "wanted"),
    [
        (["wte.weight", "wpe.weight"], "wpe.weight", "wpe.weight"),
        (["wpe.weight"], "transformer.wpe.weight", "wpe.weight"),
        (["transformer.wpe.weight"], "wpe.weight", "transformer.wpe.weight"),
        (["wpe.weight", "other.wpe.weight"], "wpe.weight", "wpe.weight"),
    ],
)
def test_prefixes_of_the_name_do_not_matter(names, key, wanted):
    assert parameter_name(Model(*names), SimpleNamespace(key=key)) == wanted


@pytest.mark.parametrize(
    ("names", "count"), [(["wte.weight"], 0), (["a.wpe.weight", "b.wpe.weight"], 2), (["mywpe.w"], 0)]
)
def test_a_name_that_fits_none_or_several(names, count):
    with pytest.raises(InvalidArgumentError, match=f"Model has {count} parameters that could be wpe.w"):
        parameter_name(Model(*names), SimpleNamespace(key="wpe.weight"))
