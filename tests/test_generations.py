"""Sealed files and the one before them: every damage is noticed, and the undamaged one is used."""

import os

import pytest

from posembed.generations import (
    DamagedError,
    Sealed,
    previous,
    read_generation,
    remove_generations,
    seal,
    unseal,
    write_generation,
)


def payload(found):
    return found.payload


def test_what_is_sealed_is_read():
    for content in (b"", b"weights", os.urandom(5000), seal(b"inner", 3)):
        assert unseal(seal(content, 12)) == Sealed(content, 12)


def test_no_flipped_bit_passes():
    """A seal that is itself hit may look like none; then what is left says so, for the caller knows what to expect."""
    sealed = seal(b"sixteen weights.", 7)
    for bit in range(8 * len(sealed)):
        data = bytearray(sealed)
        data[bit // 8] ^= 1 << bit % 8
        try:
            found = unseal(bytes(data))
        except DamagedError:
            continue
        assert found == Sealed(bytes(data), None)


@pytest.mark.parametrize("cut", [1, 20, 90, 100])
def test_a_truncated_file_has_no_seal(cut):
    assert unseal(seal(b"weights" * 20, 7)[:-cut]).step is None


def test_one_generation_is_kept(tmp_path):
    file = tmp_path / "deep" / "state"
    for step in range(3):
        write_generation(file, b"step %d" % step, step)
    assert sorted(path.name for path in file.parent.iterdir()) == ["state", "state.previous"]
    assert read_generation(file, payload).value == b"step 2"
    assert unseal(previous(file).read_bytes()) == Sealed(b"step 1", 1)
    remove_generations(file)
    assert list(file.parent.iterdir()) == []
    remove_generations(file)


def test_a_deleted_file_starts_over(tmp_path):
    """Messages say: delete it to start over. An older one must not come back then."""
    file = tmp_path / "state"
    write_generation(file, b"a", 1)
    write_generation(file, b"b", 2)
    file.unlink()
    write_generation(file, b"c", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_bytes(b"x" + file.read_bytes()[1:]), "is damaged (its checksum differs)"),
        (lambda file: file.write_bytes(b"xy" + file.read_bytes()), "is damaged (its checksum differs)"),
        (lambda file: (file.unlink(), file.mkdir()), "cannot be read (Is a directory)"),
    ],
)
def test_the_one_before_is_used_and_said(tmp_path, damage, said):
    file = tmp_path / "state"
    write_generation(file, b"older", 40)
    write_generation(file, b"newer", 60)
    damage(file)
    found = read_generation(file, payload)
    assert (found.value, found.path, found.sealed) == (b"older", previous(file), True)
    again = "20 steps are done again" if file.is_file() else "later steps are done again"
    assert found.warning == f"{file} {said}: resuming from {file}.previous, saved at step 40; {again}"


def test_content_that_the_reader_refuses_is_damage(tmp_path):
    file = tmp_path / "state"
    write_generation(file, b"good", 1)
    write_generation(file, b"bad", 2)

    def parse(found):
        if found.payload == b"bad":
            raise DamagedError("it is bad")
        return found.payload

    found = read_generation(file, parse)
    assert found.value == b"good"
    assert found.warning.startswith(
        f"{file} is damaged (it is bad): resuming from {file}.previous, saved at step 1; 1 st"
    )


def test_without_a_good_one_every_fault_is_said(tmp_path):
    file = tmp_path / "state"

    def refuse(_):
        raise DamagedError("why")

    write_generation(file, b"a", 1)
    with pytest.raises(DamagedError) as refused:
        read_generation(file, refuse)
    assert str(refused.value) == f"{file} is damaged (why)"
    write_generation(file, b"b", 2)
    with pytest.raises(DamagedError) as refused:
        read_generation(file, refuse)
    assert str(refused.value) == f"{file} is damaged (why) and {file}.previous is damaged (why)"


def test_a_damaged_file_never_replaces_a_good_one(tmp_path):
    file = tmp_path / "state"
    write_generation(file, b"good", 1)
    write_generation(file, b"newer", 2)
    for damaged in (b"", b"x" + file.read_bytes()[1:], file.read_bytes()[:-1]):
        file.write_bytes(damaged)
        write_generation(file, b"newest", 3)
        assert unseal(previous(file).read_bytes()) == Sealed(b"good", 1)


def test_a_file_of_an_older_version_becomes_the_one_before(tmp_path):
    file = tmp_path / "state"
    file.write_bytes(b"without a seal")
    write_generation(file, b"newer", 3)
    assert previous(file).read_bytes() == b"without a seal"
