"""Ways to run a source that read the tables which change: tables of coordinates and time steps, renamed tables."""

import pytest
import torch

from posembed.extension.check.messages import Size
from posembed.extension.check.reading import DoesNotRunError
from posembed.extension.check.running import run_copy
from posembed.extension.check.source_runs import last_row, run_source


class Config:
    vocab_size = 50
    hidden_size = 2
    patch_size = 2
    num_channels = 1
    state_dim = 3
    act_dim = 5


class Model(torch.nn.Module):
    """Has a table of some rows."""

    def __init__(self, rows):
        super().__init__()
        self.config = Config()
        self.table = torch.nn.Embedding(rows, 2)


class Boxes(Model):
    def forward(self, input_ids, bbox):
        return (self.table(bbox[..., 2]) + input_ids[..., None],)


class Placed(Model):
    def forward(self, flattened_patches):
        return (self.table(flattened_patches[..., 0].long()) + flattened_patches[..., 2:].sum(),)


class Places(Model):
    def forward(self, pixel_values, pixel_position_ids):
        return (self.table(pixel_position_ids[..., 0]) + pixel_values.sum(),)


class Steps(Model):
    def forward(self, states=None, actions=None, rewards=None, timesteps=None):
        assert (states.shape[-1], actions.shape[-1], rewards.shape[-1]) == (3, 5, 1)
        return (self.table(timesteps),)


@pytest.mark.parametrize(
    ("model", "kind", "where"),
    [
        (Boxes, "axis", "at 4 tokens"),
        (Placed, "axis", "on an input of shape [1, 144, 4]"),
        (Places, "axis", "on an input of shape [144, 4]"),
        (Steps, "time", "at 4 time steps"),
    ],
)
def test_coordinates_and_time_steps_reach_the_last_row(model, kind, where):
    """A copy whose table did not grow fails at its new last row."""
    sizes = (Size("table.weight", kind, 100, 200, 100),)
    source = run_source(model(100), sizes)
    assert run_copy(model(200), sizes, source) == f"{where}, up to row 199"
    with pytest.raises(DoesNotRunError, match="IndexError: index out of range"):
        run_copy(model(199), sizes, source)
    assert run_copy(model(50), (Size("table.weight", kind, 100, 50, 50),), source[:0]).startswith("no way to call")


def test_tables_of_few_coordinates():
    for model, kind in ((Boxes, "axis"), (Placed, "axis"), (Places, "axis"), (Steps, "time")):
        sizes = (Size("table.weight", kind, 2, 3, 2),)
        assert run_copy(model(3), sizes, run_source(model(2), sizes)).endswith(", up to row 2")


def test_a_model_that_takes_no_far_coordinates_runs_in_a_part_and_as_a_whole():
    class Pooled(torch.nn.Module):
        """Pools patches by their places, which takes an image as large as its last coordinate."""

        def __init__(self, rows):
            super().__init__()
            self.config, self.embedder = Config(), Places(rows)

        def forward(self, pixel_values, pixel_position_ids):
            if int(pixel_position_ids.max()) >= pixel_position_ids.shape[1]:
                raise ValueError("a place outside the image")
            return self.embedder(pixel_values, pixel_position_ids)

    sizes = (Size("embedder.table.weight", "axis", 1000, 2000, 1000),)
    source = run_source(Pooled(1000), sizes)
    assert run_copy(Pooled(2000), sizes, source) == (
        "its part embedder on an input of shape [144, 4], up to row 1999; on an input of shape [144, 4]"
    )


class Tagged(Model):
    """Puts a token before and one after the text by itself."""

    def __init__(self, rows, second=0):
        super().__init__(rows)
        self.table.weight.data = torch.arange(rows * 2.0).reshape(rows, 2)
        self.second = torch.nn.Embedding(second, 2)
        self.second.weight.data.fill_(1)

    def forward(self, input_ids):
        states = self.table(torch.arange(input_ids.shape[1] + 2))
        return (states + self.second(torch.arange(len(states) + 1))[1:] if len(self.second.weight) else states,)


def test_a_model_that_adds_tokens_by_itself():
    """Where the source takes two tokens less than its table has rows, its copy must take two less than its own."""
    sizes = (Size("table.weight", "sequence", 8, 16, 8),)
    source = run_source(Tagged(8), sizes)
    assert (source[0].spare, sorted(source[0].outputs)) == (2, [1, 6])
    assert run_copy(Tagged(16), sizes, source) == "at 1, 6, 14 tokens; the same outputs as the source up to 6 tokens"
    with pytest.raises(DoesNotRunError, match=r"^at 14 tokens: IndexError"):
        run_copy(Tagged(15), sizes, source)


def test_tables_to_which_a_model_adds_other_numbers_of_tokens():
    """The source's second table is long enough for one more token; the copy's is as long as the first."""
    sizes = (Size("table.weight", "sequence", 8, 16, 8), Size("second.weight", "sequence", 12, 16, 12))
    source = run_source(Tagged(8, 12), sizes)
    assert source[0].spare == 2
    assert run_copy(Tagged(16, 16), sizes, source).startswith("at 1, 6, 13 tokens; ")
    with pytest.raises(DoesNotRunError, match=r"^at 13 tokens: IndexError"):
        run_copy(Tagged(16, 15), sizes, source)


def test_a_shorter_copy_of_a_model_that_adds_tokens():
    sizes = (Size("table.weight", "sequence", 8, 5, 0),)
    source = run_source(Tagged(8), sizes)
    assert source[0].spare == 2
    assert run_copy(Tagged(5), sizes, source) == "at 1, 3 tokens"


def test_a_table_under_another_name_is_known_by_its_values():
    """Without its values, nothing says which tensor a renamed table is, and no part of the model is called."""

    class Inner(Model):
        def forward(self, pixel_values):
            return (self.table.weight.sum() + pixel_values.sum(),)

    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config, self.backbone = Config(), Inner(9)
            self.config.image_size = 8

        def forward(self, anything):
            pass

    model = Outer()
    sizes = (Size("vision.pos_embed", "grid", 9, 16, 0, (4, 4), (3, 3)),)
    (run,) = run_source(model, sizes, read=lambda _: model.backbone.table.weight.detach()[None])
    assert run.part == "backbone"


def test_last_rows():
    sizes = (Size("x", "axis", 8, 16, 8), Size("y", "axis", 6, 20, 6), Size("z", "sequence", 2, 4, 2))
    assert (last_row(sizes, "before"), last_row(sizes, "after"), last_row(sizes[2:], "after")) == (5, 15, None)
