import pytest

from posembed.tables.measures.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([2.0], "▄"), ([1.0, 1.0 + 1e-9], "▄▄"), ([0.0, 0.0], "▄▄"), ([1.0, 1.00001], "▁█"), ([3, 1, 2], "█▁▅")],
)
def test_few_values(values, bars):
    assert sparkline(values) == bars


def test_many_values_are_means_of_stretches():
    assert sparkline(list(range(80)), width=8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 8, 0, 8, 8, 8], width=3) == "▁▁█"
    assert len(sparkline([float(n % 7) for n in range(1000)])) == 40
