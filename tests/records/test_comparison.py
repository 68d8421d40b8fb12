import pytest

from posembed.errors import InvalidArgumentError
from posembed.lesson.measured import load_measured
from posembed.records.comparison import Beyond, Comparison
from posembed.records.interval import Interval


@pytest.fixture(scope="module")
def comparison():
    """That of version 0.1 which the lesson shows."""
    return load_measured().results


def test_results_of_0_1_are_read_and_written_alike(comparison):
    plain = comparison.to_dict()
    assert Comparison.from_dict(plain) == comparison
    assert Comparison.from_dict(plain).to_dict() == plain
    assert list(plain)[:4] == ["schema", "schema_version", "created", "configuration"]


@pytest.mark.parametrize("change", [{"schema": "posembed.evaluate"}, {"schema_version": 2}, {"schema": None}])
def test_another_document_or_version_is_refused(comparison, change):
    with pytest.raises(InvalidArgumentError, match=r"not a results.json of posembed compare that this version reads"):
        Comparison.from_dict(comparison.to_dict() | change)


def test_a_missing_field_is_named(comparison):
    plain = comparison.to_dict()
    del plain["corpus"]
    with pytest.raises(InvalidArgumentError, match="not a Comparison of this version: without corpus"):
        Comparison.from_dict(plain)


def test_below_the_bigram(comparison):
    gains = comparison.below_bigram()
    assert list(gains) == list(comparison.configuration.encodings)
    learned = comparison.arm("learned")
    assert gains["learned"] == comparison.baselines.bigram.mean - learned.quality.mean > 0.2


def test_where_a_table_ends():
    loss = Interval(1.0, None, None, 1, 1)
    ended = Beyond(2.0, 8, "direct", "no row", None, None, None)
    assert ended.ended
    assert ended.shown is None
    assert not Beyond(2.0, 8, "unavailable", "too short", None, None, None).ended
    assert Beyond(1.0, 4, "direct", None, loss, None, None).shown is loss
