"""Results on a user's own data become JSON and come back."""

import json

from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import DataCell, DataComparison, LengthRange, OwnRetrieval


def test_records_become_json_and_come_back():
    interval = DocumentInterval(0.5, 0.4, 0.6)
    some = LengthRange(512, 1024, 7)
    cells = (DataCell(None, "checkpoint", 9, interval, interval, interval, interval, 1.0, 2.5),)
    compared = (DataComparison(some, "checkpoint", "BM25", 0.1, 0.0, 0.2, 0.04, 0.08),)
    found = OwnRetrieval(100, 9, 1, 1500, 3, 0, cells, compared)
    stored = json.loads(json.dumps(found.to_dict()))
    assert stored["comparisons"][0]["lengths"] == {"above": 512, "most": 1024, "queries": 7}
    assert OwnRetrieval.from_dict(stored) == found


def test_times_are_not_compared():
    interval = DocumentInterval(0.5, 0.4, 0.6)
    one, other = (DataCell(None, "x", 9, *[interval] * 4, 1.0, time) for time in (1.0, 2.0))
    assert one == other
