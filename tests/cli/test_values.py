"""Words of the command line as values."""

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posembed.cli.values import names_of, number, pixels, size, whole_number, whole_numbers
from posembed.errors import InvalidArgumentError

SIDES = st.integers(1, 999_999)
WORDS = st.text(alphabet=string.digits + "xX× -+.,e" + string.ascii_letters, max_size=12) | st.text(max_size=8)


def read(function, word):
    try:
        return function(word)
    except InvalidArgumentError:
        return None


@given(SIDES, SIDES, st.sampled_from("xX×"))
def test_sizes_are_read_back(height, width, sign):
    assert size(f"{height}{sign}{width}") == (height, width)
    assert pixels(f" {height}{sign}{width} ") == (height, width)
    assert pixels(str(height)) == height


@given(WORDS)
@example("0x4")
@example("4x")
@example("1000000x2")
@example("٣x٤")
@example("²")
def test_any_other_word_is_refused_with_a_sentence(word):
    sized, squared = read(size, word), read(pixels, word)
    shaped = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", word.strip())
    assert (sized is not None) == bool(shaped and int(shaped[1]) and int(shaped[2]))
    if sized is not None:
        assert squared == sized
    elif squared is not None:
        assert squared == int(word) > 0


@pytest.mark.parametrize("word", ["", "x", "4", "0x4", "4x0", "-4x4", "4x4x4", "4 x 4", "1000000x2", "4.0x4"])
def test_wrong_sizes(word):
    with pytest.raises(InvalidArgumentError, match="must be HEIGHTxWIDTH in patches, such as 24x24"):
        size(word)


@pytest.mark.parametrize("word", ["", "big", "0", "0x3", "-3", "384px", "1000000"])
def test_wrong_pixels(word):
    with pytest.raises(InvalidArgumentError, match=r"must be pixels, such as 384 or 384x512 \(height x width\)"):
        pixels(word)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_whole_numbers_are_read_back(numbers):
    assert whole_numbers(", ".join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize("word", ["", ",", "1,", "1,,2", "1;2", "-1", "1.5", "many"])
def test_wrong_whole_numbers(word):
    with pytest.raises(InvalidArgumentError, match="must be whole numbers with commas, such as 512,1024"):
        whole_numbers(word)


def test_numbers():
    assert (whole_number("-12"), number("1e-3"), number("inf")) == (-12, 1e-3, float("inf"))
    for word in ("1.5", "", "0x10", "1e3"):  # never rounded
        with pytest.raises(InvalidArgumentError, match="must be a whole number"):
            whole_number(word)
    with pytest.raises(InvalidArgumentError, match="must be a number"):
        number("fast")


def test_names():
    names = names_of(("rope", "alibi", "none"))
    assert names("none, rope,") == ("none", "rope")
    with pytest.raises(InvalidArgumentError, match="has the unknown name 'rop'; choose from rope, alibi, none"):
        names("rope,rop")
    for word in ("", " , "):
        with pytest.raises(InvalidArgumentError, match="is empty; choose from"):
            names(word)
