"""How long the inputs of source and copy are."""

from posembed.extension.check.inputs import Call, Lengths
from posembed.extension.check.lengths import Wanted, lengths_for, longer
from posembed.extension.check.messages import Size


def test_lengths_of_encoder_and_decoder():
    sizes = (
        Size("encoder.a", "sequence", 8, 16, 8),
        Size("decoder.a", "sequence", 6, 12, 3),
        Size("b", "grid", 4, 9, 0),
    )
    assert Wanted.of(sizes, decoder=True) == Wanted(Lengths(8, 6), Lengths(16, 12), 3)
    assert Wanted.of(sizes, decoder=False) == Wanted(Lengths(6, 4), Lengths(12, 4), 3)
    assert Wanted.of(sizes[1:], decoder=True) == Wanted(Lengths(4, 6), Lengths(4, 12), 3)
    assert Wanted.of(sizes[2:], decoder=True) == Wanted(None, None, 0)
    assert Wanted.of(sizes, decoder=True, text=False) == Wanted(Lengths(4, 6), Lengths(4, 12), 3)  # a sound's encoder
    assert Wanted.of(sizes[:1], decoder=True, text=False) == Wanted(None, None, 0)


def test_lengths_that_source_and_copy_both_take():
    assert Wanted(Lengths(8, 6), Lengths(16, 3), 3).shared(1) == {1: Lengths(1, 1), 8: Lengths(8, 3)}
    assert Wanted(Lengths(8, 6), Lengths(2, 6), 3).shared(4) == {4: Lengths(2, 4), 6: Lengths(2, 6)}
    assert Wanted(Lengths(8, 8), Lengths(16, 16), 3).shared(1, spare=2) == {1: Lengths(1, 1), 6: Lengths(6, 6)}


def test_lengths_that_a_call_is_given():
    sizes = (Size("decoder.a", "sequence", 6, 12, 3),)
    assert lengths_for(sizes, Call(("input_ids",))).after == Lengths(12, 4)
    assert lengths_for(sizes, Call(("input_ids", "decoder_input_ids"))).after == Lengths(4, 12)
    assert lengths_for(sizes, Call(("inputs_embeds",))).after == Lengths(12, 4)
    assert lengths_for(sizes, Call(("pixel_values",))).after is None


def test_a_length_never_becomes_zero():
    assert Lengths(5, 2).less(3) == Lengths(2, 1)
    assert longer(Lengths(5, 2)) == 5
