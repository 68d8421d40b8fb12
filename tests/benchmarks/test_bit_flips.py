"""The bench that flips bits: a short run finds no fault, and it would find one."""

import pytest

from benchmarks import bit_flips
from posembed import generations

# The units of its comparison are trained in this process: what is flipped are the files, whoever wrote them.
pytestmark = pytest.mark.usefixtures("units_here")


def test_no_flipped_bit_changes_a_result_unnoticed(tmp_path):
    counts = bit_flips.flip_all(tmp_path, flips=24, seed=1)
    assert sum(sum(count.values()) for count in counts.values()) == 24
    assert {"out.calibrating", "out.calibrating, alone", "checkpoint.pt", "length_aware.safetensors"} <= set(counts)
    assert [name for name, count in counts.items() if any(count[fault] for fault in bit_flips.FAULTS)] == []
    assert set(counts["out.calibrating"]) == {"same, and said"}
    assert set(counts["out.calibrating, alone"]) == {"refused"}


@pytest.fixture
def without_checksums(monkeypatch):
    def trusting(data):
        found = generations._SEAL.search(data)
        return generations.Sealed(data[: found.start()], int(found[1])) if found else generations.Sealed(data, None)

    monkeypatch.setattr(generations, "unseal", trusting)


@pytest.mark.usefixtures("without_checksums")
def test_it_sees_what_is_not_noticed(tmp_path):
    """Without the checksum, bits of the moments and rows lead to other numbers, and nothing says so."""
    counts = bit_flips.flip_all(tmp_path, flips=24, seed=1)
    assert sum(count["another result"] for count in counts.values()) >= 2
