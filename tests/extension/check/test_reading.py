"""What differs between two readings of one library: faults of the copy are those that the source has not."""

import pytest

from posembed.extension.check.reading import CannotCheckError, Reading, faults

OLD = Reading("BertModel", frozenset({"pooler"}), frozenset({"stray"}), {}, {"ids": ((1, 1), (1, 8))})


def test_what_the_source_has_too_is_no_fault():
    assert faults(OLD, OLD) == ""
    assert faults(OLD, Reading("BertModel")) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"missing": frozenset({"pooler", "b", "a"})}, "the weights lack a, b"),
        ({"unexpected": frozenset("abcde")}, "the model has no place for a, b, c and 2 more"),
        ({"mismatched": {"w": ((2, 1), (1, 1))}}, "w has shape [2, 1] in the weights, but the model of the conf"),
        (
            {"computed": {"w": ((2,), (1,))}},
            "w has shape [2] in the weights, but the model of the configuration has [1]",
        ),
        ({"mismatched": {f"w{n}": ((2,), (1,)) for n in range(5)}}, "w2 has shape [2] in the weights, but"),
        ({"mismatched": {f"w{n}": ((2,), (1,)) for n in range(5)}}, "; and so have 2 further tensors"),
    ],
)
def test_faults_are_named(change, said):
    assert said in faults(OLD, Reading("BertModel", **change))


def test_a_source_with_other_shapes_is_refused():
    OLD.require_sound()
    with pytest.raises(CannotCheckError, match=r"BertModel does not load the source either: w has shape \[2\]"):
        Reading("BertModel", mismatched={"w": ((2,), (1,))}).require_sound()


def test_a_model_must_read_one_of_the_tables():
    reading = Reading("BertModel", unexpected=frozenset({"position", "other"}))
    with pytest.raises(CannotCheckError, match=r"BertModel does not read position, bert\.other"):
        reading.require_used(["position", "bert.other"])
    reading.require_used(["position", "another"])
    reading.require_used([])
