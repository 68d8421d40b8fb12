from pathlib import Path

import pytest

from posembed.errors import DataError, InvalidArgumentError
from posembed.lab import prepare
from posembed.lab.prepare import parallel_units, prepare_units
from posembed.records.compare import CompareOptions


def options(corpus_dir, **more):
    return CompareOptions(data=str(corpus_dir), train_length=16, **more)


def test_a_unit_for_each_seed_and_encoding(corpus_dir, corpus):
    units, text = prepare_units(options(corpus_dir, encodings=("rope", "none"), seeds=2, first_seed=5))
    assert [unit.name for unit in units] == ["rope-seed5", "none-seed5", "rope-seed6", "none-seed6"]
    assert text.sha256 == corpus.sha256
    assert {unit.data_sha256 for unit in units} == {corpus.sha256}


@pytest.mark.parametrize(("steps", "given", "warmup"), [(5, None, 1), (70, None, 7), (500, None, 50), (70, 0, 0)])
def test_warm_up_is_a_tenth_unless_given(corpus_dir, steps, given, warmup):
    units, _ = prepare_units(options(corpus_dir, steps=steps, warmup_steps=given))
    assert units[0].warmup_steps == warmup


def test_paths_and_precision_are_resolved(corpus_dir, monkeypatch):
    monkeypatch.chdir(corpus_dir.parent)
    monkeypatch.setattr(prepare, "resolve_precision", lambda *_: "bf16")
    units, _ = prepare_units(options(Path(corpus_dir.name)))
    assert units[0].data == str(corpus_dir)
    assert (units[0].tokenizer, units[0].precision, units[0].device) == ("", "bf16", "cpu")


def test_what_cannot_be_prepared(corpus_dir):
    with pytest.raises(InvalidArgumentError, match="device='bogus' cannot be used here"):
        prepare_units(options(corpus_dir, device="bogus"))
    with pytest.raises(DataError, match="train_length=4000 is larger than the data"):
        prepare_units(CompareOptions(data=str(corpus_dir), train_length=4000))


@pytest.mark.parametrize(("cores", "threads", "units"), [(8, 1, 8), (8, 3, 2), (2, 4, 1)])
def test_units_side_by_side(monkeypatch, cores, threads, units):
    monkeypatch.setattr(prepare, "available_cores", lambda: cores)
    assert parallel_units(CompareOptions(threads=threads)) == units
    assert parallel_units(CompareOptions(threads=threads, jobs=5)) == 5
    monkeypatch.setattr(prepare, "resolve_device", lambda _: "cuda:0")
    assert parallel_units(CompareOptions(threads=threads)) == 1
