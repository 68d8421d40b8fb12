"""The lines that the lesson runs, and what is read from the run."""

import numpy as np
import torch

from posembed.lesson.scratch import run_from_scratch


def test_rows_before_and_after_are_those_of_the_run():
    run = run_from_scratch()
    (read, start, end, moved), (unread, first, last, stayed) = run.rows
    assert (read, unread) == ("3", "15")
    assert start != end
    assert float(moved) > 0.1
    assert (first, stayed) == (last, "0.000")
    assert f"row 3 moved by {moved}" in run.output


def test_running_it_leaves_the_generator_alone():
    torch.manual_seed(5)
    wanted = torch.rand(2)
    torch.manual_seed(5)
    run_from_scratch()
    torch.testing.assert_close(torch.rand(2), wanted)


def test_the_numbers_shown_are_the_first_of_each_row():
    run = run_from_scratch()
    names = {}
    with torch.random.fork_rng(devices=[]):
        exec(run.source, names)
    shown = [float(value) for value in run.rows[1][1].replace("−", "-").removesuffix(", …").split(", ")]
    assert len(shown) == 4
    np.testing.assert_allclose(shown, names["before"][15, :4], atol=5e-4)
