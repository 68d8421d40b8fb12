"""Source and copy run: at which sizes, what is compared, and what is said of those that fail."""

import pytest
import torch

from posembed.extension.check.messages import Size
from posembed.extension.check.reading import CannotCheckError, DoesNotRunError
from posembed.extension.check.running import run_copy
from posembed.extension.check.source_runs import run_source, unread

TEXT = (Size("position.weight", "sequence", 8, 16, 8),)


class Config:
    vocab_size = 50
    image_size = 16


class Text(torch.nn.Module):
    """Reads one row per token, and fails beyond the last."""

    config = Config()

    def __init__(self, rows, least=1):
        super().__init__()
        self.table, self.least = torch.arange(rows * 2.0).reshape(rows, 2), least

    def forward(self, input_ids):
        if input_ids.shape[1] < self.least:
            raise ValueError("too short")
        return (self.table[torch.arange(input_ids.shape[1])] + input_ids[0, :, None], input_ids)


class Image(torch.nn.Module):
    def __init__(self, size, fails=False):
        super().__init__()
        self.config, self.fails = Config(), fails
        self.config.image_size = size

    def forward(self, pixel_values):
        if self.fails:
            raise RuntimeError("sizes must match\nand so on")
        return (pixel_values.mean(),)


def test_shortest_old_and_new():
    (source,) = runs = run_source(Text(8), TEXT)
    assert sorted(source.outputs) == [1, 8]
    said = run_copy(Text(16), TEXT, runs)
    assert said == "at 1, 8, 16 tokens; the same outputs as the source up to 8 tokens"


def test_two_calls_that_ran_alike_are_told_once():
    alike = run_source(Text(8), TEXT) * 2  # of a model that reads one table in either
    assert run_copy(Text(16), TEXT, alike) == "at 1, 8, 16 tokens; the same outputs as the source up to 8 tokens"


def test_a_model_that_needs_a_few_tokens():
    assert sorted(run_source(Text(8, least=3), TEXT)[0].outputs) == [4, 8]


def test_a_source_that_does_not_run_at_its_own_length():
    """Its copy need not either; at the new length it must."""
    source = run_source(Text(4), TEXT)
    assert sorted(source[0].outputs) == [1]
    assert run_copy(Text(16), TEXT, source).startswith("at 1, 16 tokens; ")


def test_a_copy_that_does_not_run_at_the_new_length():
    with pytest.raises(DoesNotRunError, match=r"^at 16 tokens: IndexError: index 15 is out of bounds"):
        run_copy(Text(15), TEXT, run_source(Text(8), TEXT))


def test_a_copy_with_fewer_rows_runs_and_is_compared_at_its_own_length():
    shorter = (Size("position.weight", "sequence", 8, 4, 4),)
    source = run_source(Text(8), shorter)
    assert sorted(source[0].outputs) == [1, 4]
    assert run_copy(Text(4), shorter, source) == "at 1, 4 tokens; the same outputs as the source up to 4 tokens"
    copy = Text(4)
    copy.table[3] += 1
    with pytest.raises(DoesNotRunError, match=r"^4 tokens give other outputs than in the source \(by up to 1\)$"):
        run_copy(copy, shorter, source)


def test_a_decoder_that_grows_up_to_the_length_of_its_encoder():
    """8 tokens is the longer input before and after, with 6 tokens for the decoder and with 8."""

    class Pair(torch.nn.Module):
        config = Config()

        def forward(self, input_ids, decoder_input_ids):
            return (decoder_input_ids + input_ids[0, 0] * 1.0,)

    sizes = (Size("encoder.a", "sequence", 8, 8, 8), Size("decoder.a", "sequence", 6, 8, 6))
    assert run_copy(Pair(), sizes, run_source(Pair(), sizes)).startswith("at 1, 8 tokens; ")


def test_other_outputs_of_short_inputs():
    copy = Text(16)
    copy.table[5] += 1
    with pytest.raises(DoesNotRunError, match=r"^8 tokens give other outputs than in the source \(by up to 1\)$"):
        run_copy(copy, TEXT, run_source(Text(8), TEXT))
    five = (Size("position.weight", "sequence", 8, 16, 5),)  # row 5 was not meant to stay
    assert run_copy(copy, five, run_source(Text(8), five)).endswith("the same outputs as the source up to 1 token")
    none = (Size("position.weight", "sequence", 8, 16, 0),)
    assert run_copy(copy, none, run_source(Text(8), none)) == "at 1, 8, 16 tokens"


def test_outputs_of_another_shape():
    class Longer(Text):
        def forward(self, input_ids):
            return (super().forward(input_ids)[0][:, :1],)

    with pytest.raises(DoesNotRunError, match=r"1 tokens give an output of shape \[1, 1\], not \[1, 2\]"):
        run_copy(Longer(16), TEXT, run_source(Text(8), TEXT))


class EachRow(Text):
    """Gives one row per row of its table, however many tokens it reads."""

    def forward(self, input_ids):
        return (self.table[None] + input_ids.shape[1],)


def test_outputs_as_long_as_the_table_are_compared_up_to_the_kept_rows():
    source = run_source(EachRow(8), TEXT)
    copy = EachRow(16)
    copy.table[8:] = 0
    assert run_copy(copy, TEXT, source) == "at 1, 8, 16 tokens; the same outputs as the source up to 8 tokens"
    copy.table[7] += 1
    with pytest.raises(DoesNotRunError, match=r"^1 tokens give other outputs than in the source \(by up to 1\)$"):
        run_copy(copy, TEXT, source)
    with pytest.raises(DoesNotRunError, match=r"^1 tokens give an output of shape \[1, 15, 2\], not \[1, 8, 2\]$"):
        run_copy(EachRow(15), TEXT, source)
    shorter = (Size("position.weight", "sequence", 8, 4, 4),)
    assert run_copy(EachRow(4), shorter, run_source(EachRow(8), shorter)).endswith("source up to 4 tokens")


def test_a_text_beside_an_image_of_another_size_runs_without_a_comparison():
    class Both(Text):
        def __init__(self, rows, size):
            super().__init__(rows)
            self.config = Config()
            self.config.image_size = size

        def forward(self, input_ids, pixel_values):
            return (super().forward(input_ids)[0] + pixel_values.mean(),)

    source = run_source(Both(8, 16), TEXT)
    assert source[0].shape == (1, 3, 16, 16)
    assert run_copy(Both(16, 16), TEXT, source).endswith("; the same outputs as the source up to 8 tokens")
    assert run_copy(Both(16, 24), TEXT, source) == "at 1, 8, 16 tokens"
    other = Both(16, 16)
    other.table += 1
    with pytest.raises(DoesNotRunError, match="1 tokens give other outputs"):
        run_copy(other, TEXT, source)


GRID = (Size("pos_embed", "grid", 4, 9, 0, (3, 3)),)


def test_images_run_at_the_size_of_their_configuration():
    source = run_source(Image(16), GRID)
    assert run_copy(Image(24), GRID, source) == "on an input of shape [1, 3, 24, 24]"
    with pytest.raises(
        DoesNotRunError, match=r"^on an input of shape \[1, 3, 24, 24\]: RuntimeError: sizes must match$"
    ):
        run_copy(Image(24, fails=True), GRID, source)


def test_no_way_to_call_it():
    with pytest.raises(CannotCheckError, match="not run, because no way to call Image was found"):
        run_source(Image(16, fails=True), GRID)
    with pytest.raises(CannotCheckError, match="no way to call Image was found"):
        run_source(Image(16), TEXT)


def test_what_a_processor_makes_must_run_where_the_source_ran_on_it():
    class Fixed(Image):
        def forward(self, pixel_values):
            if pixel_values.shape[-1] != self.config.image_size:
                raise ValueError("another size")
            return (pixel_values.mean(),)

    def makes(size):
        return lambda names: {"pixel_values": torch.zeros(1, 3, size, size)} if "pixel_values" in names else {}

    source = run_source(Fixed(16), GRID, makes(16))
    assert run_copy(Fixed(24), GRID, source, makes(24)).endswith("3, 24, 24], and on what its own processor makes")
    with pytest.raises(DoesNotRunError, match=r"^on what its own processor makes: ValueError: another size$"):
        run_copy(Fixed(24), GRID, source, makes(16))
    not_even_before = run_source(Fixed(16), GRID, makes(8))
    assert run_copy(Fixed(24), GRID, not_even_before, makes(8)) == "on an input of shape [1, 3, 24, 24]"


class Embeddings(torch.nn.Module):
    """Reads a table, in a part that can be called with pixels alone."""

    def __init__(self, rows, size):
        super().__init__()
        self.config = Config()
        self.config.image_size = size
        self.position = torch.nn.Parameter(torch.zeros(rows, 2))

    def forward(self, pixel_values):
        return (pixel_values.mean() + self.position[: pixel_values.shape[-1] // 4].sum(),)


class Whole(torch.nn.Module):
    """Runs on text without its image; with both, it needs a placeholder that no configuration names."""

    def __init__(self, rows, size):
        super().__init__()
        self.config, self.tower = Config(), Embeddings(rows, size)
        self.words = torch.nn.Embedding(50, 2)

    def forward(self, input_ids=None, pixel_values=None):
        if pixel_values is not None:
            raise ValueError("image tokens do not match")
        return (self.words(input_ids),)


IN_A_PART = (Size("model.tower.position", "grid", 4, 9, 0, (3, 3), (2, 2)),)


def test_a_table_that_no_call_of_the_whole_model_reads_is_run_in_its_part():
    source = run_source(Whole(4, 16), IN_A_PART)
    assert [run.part for run in source] == ["tower"]
    assert run_copy(Whole(9, 24), IN_A_PART, source) == (
        "its part tower on an input of shape [1, 3, 24, 24]; no way to call Whole as a whole was found"
    )
    broken = Whole(9, 24)
    del broken.tower.position
    with pytest.raises(DoesNotRunError, match=r"^its part tower on an input of shape .*: AttributeError: "):
        run_copy(broken, IN_A_PART, source)


def test_a_call_that_does_not_read_the_table_is_not_one():
    """Text alone runs, and proves nothing of an image's table; the tables of both are told apart."""
    words = Size("words.weight", "sequence", 50, 50, 50)
    source = run_source(Whole(4, 16), (words, *IN_A_PART))
    assert [(run.part, [size.key for size in run.sizes]) for run in source] == [
        ("", ["words.weight"]),
        ("tower", ["model.tower.position"]),
    ]
    both = run_copy(Whole(9, 24), (words, *IN_A_PART), source)
    assert both.endswith("; its part tower on an input of shape [1, 3, 24, 24]")


def test_a_table_that_nothing_reads_is_named():
    class Idle(Whole):
        def __init__(self, rows):
            super().__init__(rows, 16)
            self.idle = torch.nn.Embedding(rows, 2)

    sizes = (*IN_A_PART, Size("idle.weight", "grid", 4, 9, 0, (3, 3), (2, 2)))
    source = run_source(Idle(4), sizes)
    assert unread(sizes, source) == ["idle.weight"]
    assert run_copy(Idle(9), sizes, source).endswith(
        "; not run with idle.weight, because no way to call what reads it was found"
    )
    with pytest.raises(CannotCheckError, match="no way to call Idle was found"):
        run_source(Idle(4), sizes[1:])


def test_outputs_of_a_part_are_compared():
    class Pair(torch.nn.Module):
        config = Config()

        def __init__(self, rows):
            super().__init__()
            self.text = Inner(rows)

        def forward(self, anything):
            pass

    class Inner(torch.nn.Module):
        config = Config()

        def __init__(self, rows):
            super().__init__()
            self.position = torch.nn.Parameter(torch.arange(rows * 1.0))

        def forward(self, input_ids):
            return {"states": self.position[torch.arange(input_ids.shape[1])]}

    sizes = (Size("text.position", "sequence", 8, 16, 8),)
    source = run_source(Pair(8), sizes)
    assert run_copy(Pair(16), sizes, source).startswith("its part text at 1, 8, 16 tokens; the same outputs")
    copy = Pair(16)
    copy.text.position.data[5] += 1
    with pytest.raises(DoesNotRunError, match=r"^in its part text, 8 tokens give other outputs than in the source"):
        run_copy(copy, sizes, source)
    with pytest.raises(DoesNotRunError, match=r"^its part text at 16 tokens: IndexError"):
        run_copy(Pair(15), sizes, source)
