import pytest
import torch

from posembed.lab.encodings.absolute import Learned, LearnedFromSinusoid, ScaledSinusoid, Sinusoidal
from posembed.nn import sinusoidal_rows
from posembed.records.unit import UnitConfig

CONFIG = UnitConfig(train_length=24, d_model=12, heads=2, sinusoid_rms=0.05)


def test_the_sinusoid_has_the_size_asked_for():
    fixed = Sinusoidal().position(CONFIG)
    assert isinstance(fixed, ScaledSinusoid)
    rows = fixed(24)
    assert rows.square().mean().sqrt().item() == pytest.approx(0.05, rel=1e-6)
    torch.testing.assert_close(rows.double(), sinusoidal_rows(torch.arange(24), 12) * 0.05 * 2**0.5)
    assert list(fixed.parameters()) == []
    assert Sinusoidal().fixed_numbers(CONFIG) == 24 * 12


def test_only_one_learned_table_starts_as_the_sinusoid():
    random = torch.randn(24, 12)
    table = random.clone()
    Learned().initialize(table, CONFIG)
    assert torch.equal(table, random)
    LearnedFromSinusoid().initialize(table, CONFIG)
    torch.testing.assert_close(table, Sinusoidal().position(CONFIG)(24), rtol=1e-6, atol=1e-9)
    assert Learned().trainable
    assert LearnedFromSinusoid().trainable
