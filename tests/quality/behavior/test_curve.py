"""Short texts at starts all over a table."""

import numpy as np
import pytest

from posembed.observer import Observer
from posembed.quality.behavior.curve import curve_tokens, read_curve
from posembed.quality.behavior.moves import UNMOVED, start_at
from posembed.quality.behavior.reader import Predicted, Reader
from tests.quality.behavior.test_reader import IDS, reader


def test_each_point_is_a_reading_of_its_own(loaded):
    told = []

    class Told(Observer):
        def progress(self, update):
            told.append((update.done, update.total))

    ids = IDS[:, :4]
    reading = reader(loaded, "gpt2", {"input_ids": ids}, Predicted(ids, None))
    curve = read_curve(reading, 32, 4, "wpe", Told())
    assert curve.starts.tolist() == list(range(4, 29))
    assert curve.values.shape == (25, 6)
    assert np.array_equal(curve.values[7], reading.values(start_at(11, 4))["loss"])
    assert np.array_equal(curve.unmoved, reading.values(UNMOVED)["loss"])
    assert told[-1] == (25, 25)
    assert isinstance(reading, Reader)


@pytest.mark.parametrize(("positions", "tokens"), [(8, 4), (128, 8), (256, 16), (100_000, 16)])
def test_the_texts_are_short_beside_the_table(positions, tokens):
    assert curve_tokens(positions) == tokens
