import dataclasses
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posembed.errors import DataError, ResultsConflictError
from posembed.lab.model import LabModel
from posembed.lab.train import run_unit
from posembed.lab.trainer import Trainer
from posembed.records.compare import ENCODINGS
from posembed.storage import read_sealed_json


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_the_loss_falls(config, tmp_path, kind):
    result = run_unit(config(model=kind, steps=80, learning_rate=1e-2, evaluations=4), tmp_path)
    losses = [point.validation for point in result.curve]
    assert max(losses) < np.log(258) - 1.5  # all of them measured after 20 steps or more
    assert losses[-1] < losses[0]
    assert result.curve[-1].train < result.curve[0].train - 1.0
    assert np.mean(result.in_range.documents) == pytest.approx(losses[-1], abs=0.3)


@pytest.mark.parametrize("encoding", ["learned", "sinusoidal", "rope"])
def test_the_same_seed_gives_the_same_numbers(config, tmp_path, untimed, encoding):
    first = run_unit(config(encoding=encoding), tmp_path / "a")
    torch.manual_seed(99)
    np.random.default_rng(99)
    again = run_unit(config(encoding=encoding), tmp_path / "b")
    assert untimed(first.to_dict()) == untimed(again.to_dict())
    assert read_sealed_json(tmp_path / "a" / "result.json") == first.to_dict()
    other = run_unit(config(encoding=encoding, seed=1), tmp_path / "c")
    assert other.in_range.documents != first.in_range.documents
    assert other.curve[-1] != first.curve[-1]


def test_a_finished_unit_is_not_trained_again(config, tmp_path, monkeypatch):
    first = run_unit(config(), tmp_path)
    monkeypatch.setattr(Trainer, "update", None)
    assert run_unit(config(), tmp_path) == first
    with pytest.raises(ResultsConflictError, match=r"another configuration \(steps: 12 there, 13 here\)"):
        run_unit(config(steps=13), tmp_path)


def test_the_table_that_is_kept(config, tmp_path):
    kept = {}
    for encoding in ENCODINGS:
        result = run_unit(config(encoding=encoding), tmp_path / encoding)
        file = tmp_path / encoding / "table.safetensors"
        assert (result.flexibility is None) == (not encoding.startswith("learned"))
        if file.exists():
            kept[encoding] = load_file(file)["position"]
            assert (kept[encoding].shape, kept[encoding].dtype) == ((16, 16), torch.float32)
    assert set(kept) == {"learned", "sinusoidal", "learned-from-sinusoid"}
    fresh = LabModel(config(encoding="sinusoidal"), 9).embed.position(16)
    assert torch.equal(kept["sinusoidal"], fresh)
    assert 1e-4 < (kept["learned-from-sinusoid"] - fresh).abs().max() < 0.1  # trained, from there


def test_threads_are_the_units_own(config, tmp_path):
    before = torch.get_num_threads()
    seen = []
    try:
        torch.set_num_threads(2)
        run_unit(config(threads=1), tmp_path, report=lambda _: seen.append(torch.get_num_threads()))
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
        with pytest.raises(DataError):
            run_unit(config(threads=1, train_length=5000), tmp_path / "b")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_is_reported(config, tmp_path):
    told = []
    run_unit(config(steps=25, evaluations=1), tmp_path, report=told.append)
    assert [(m.phase, m.step) for m in told] == [
        ("training", 10),
        ("training", 20),
        ("training", 25),
        ("evaluating", 25),
    ]
    assert all(0 < m.loss < 7 and m.tokens_per_second > 0 for m in told[:-1])


def test_data_that_changed_or_is_too_short(config, corpus, corpus_dir, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(corpus_dir, copy)
    own = config(data=str(copy), data_sha256=corpus.sha256)
    run_unit(own, tmp_path / "a")
    (copy / "new.txt").write_text("one document more\n")
    with pytest.raises(ResultsConflictError, match=rf"has changed since .*\(sha256 {corpus.sha256[:12]}… then, .* now"):
        run_unit(own, tmp_path / "b")
    with pytest.raises(DataError, match="train_length=5000 is larger than the data"):
        run_unit(dataclasses.replace(own, data_sha256="", train_length=5000), tmp_path / "c")
