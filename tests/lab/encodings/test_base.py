import torch

from posembed.lab.attention import attention
from posembed.lab.encodings.base import NoEncoding, PositionEncoding
from posembed.records.unit import UnitConfig

CONFIG = UnitConfig(train_length=8, d_model=8, heads=2)


def test_an_encoding_that_changes_nothing():
    none = NoEncoding()
    table = torch.randn(8, 8)
    before = table.clone()
    none.initialize(table, CONFIG)
    assert torch.equal(table, before)
    assert none.position(CONFIG) == "none"
    q, k, v = torch.randn(3, 1, 2, 8, 4)
    for model, causal in (("decoder", True), ("encoder", False)):
        config = UnitConfig(model=model, train_length=8, d_model=8, heads=2)
        found = none.attend(config, 8, torch.device("cpu"))(q, k, v)
        assert torch.equal(found, attention(q, k, v, causal=causal))
    assert none.cost(CONFIG).to_dict() == {"parameters": 0, "parameter_bytes": 0, "fixed_bytes": 0}


def test_costs_follow_from_what_an_encoding_says():
    class Both(PositionEncoding):
        name = "both"
        trainable = True

        def fixed_numbers(self, config):
            return 10 * config.heads

    cost = Both().cost(CONFIG)
    assert (cost.parameters, cost.parameter_bytes, cost.fixed_bytes) == (64, 256, 80)
