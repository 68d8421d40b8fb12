"""The parts of a model that hold a table, and whether an operation is given it."""

import torch
from torch import nn

from posembed.extension.check.parts import Watch, parameter_named, part_of, parts


class Tower(nn.Module):
    config = object()

    def __init__(self):
        super().__init__()
        self.position = nn.Embedding(4, 2)
        self.other = nn.Parameter(torch.zeros(4, 2))

    def forward(self, ids):
        return self.position.weight[: ids.shape[1]] + self.other.shape[0]


class Whole(nn.Module):
    config = object()

    def __init__(self):
        super().__init__()
        self.inner = nn.Module()
        self.inner.vision = Tower()
        self.text = Tower()
        self.register_buffer("mask", torch.zeros(2))


def test_names_in_the_model():
    whole = Whole()
    assert parameter_named(whole, "inner.vision.position.weight") == "inner.vision.position.weight"
    assert parameter_named(whole, "model.text.position.weight") == "text.position.weight"  # a prefix more
    assert parameter_named(whole.text, "text.position.weight") == "position.weight"
    assert parameter_named(whole, "old_name.text.other") == "text.other"
    assert parameter_named(whole, "mask") == "mask"
    assert parameter_named(whole, "pos_embed") is None


def test_values_tell_a_renamed_tensor():
    whole = Whole()
    values = whole.text.position.weight.detach()[None]
    assert parameter_named(whole, "vision.pos_embed", values) == "text.position.weight"
    assert parameter_named(whole, "vision.position.weight", values) == "text.position.weight"  # whatever its name
    zeros = torch.zeros(4, 2)
    assert parameter_named(whole, "text.other", zeros) == "text.other"  # both are zero: the more alike name
    assert parameter_named(whole, "text.other", torch.ones(4, 2)) == "text.other"  # changed while it was loaded
    assert parameter_named(whole, "pos_embed", torch.ones(4, 2)) is None


def test_a_part_without_a_configuration_has_that_of_the_part_around_it():
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.position = nn.Embedding(4, 2)

        def forward(self, ids):
            return self.position(ids)

    class Bare(Tower):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

    model = Bare()
    assert [path for path, _ in parts(model, "inner.position.weight")] == ["inner"]
    assert part_of(model, "inner").config is model.config
    assert part_of(model, "") is model


def test_parts_the_largest_first():
    assert [path for path, _ in parts(Whole(), "inner.vision.position.weight")] == ["inner.vision"]
    assert [path for path, _ in parts(Whole().text, "position.weight")] == []


def test_only_what_an_operation_is_given_is_read():
    tower = Tower()
    with Watch(tower, ["position.weight", "other"]) as watch:
        tower(torch.zeros(1, 3))
    assert watch.seen == {"position.weight"}  # of the other, the shape alone
    with Watch(tower, ["other"]) as watch:
        torch.cat([torch.zeros(1, 2), tower.other])
    assert watch.seen == {"other"}
    tower(torch.zeros(1, 3))
    assert watch.seen == {"other"}
