"""Work that does not fit into memory is refused before it begins."""

import resource
from pathlib import Path

import pytest

from posembed import memory
from posembed.errors import InvalidArgumentError
from posembed.memory import available_memory, beyond_memory, require_memory

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without limits and with 8 GiB free, half of them swap."""
    files = {"/proc/meminfo": "MemTotal: 99 kB\nMemAvailable: 4194304 kB\nSwapFree: 4194304 kB\n"}
    monkeypatch.setattr(memory, "_GROUPS", Path("/groups"))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def read(path, **_):
        if str(path) not in files:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    return files


def test_what_the_machine_has_free(machine):
    assert available_memory() == 8 * GIB
    assert beyond_memory(8 * GIB) == ""
    assert beyond_memory(8 * GIB + 1) == "about 8.59 GB of memory, and 8.59 GB are available"
    require_memory(8 * GIB, "length=4")
    with pytest.raises(
        InvalidArgumentError, match=r"^length=9 needs about 1 PB of memory, and 8.59 GB are available: "
    ):
        require_memory(10**15, "length=9")


def test_the_limit_of_a_container(machine):
    machine |= {"/groups/memory.max": f"{2 * GIB}\n", "/groups/memory.current": f"{GIB}\n"}
    assert available_memory() == GIB
    machine["/groups/memory.stat"] = f"anon 12\ninactive_file {GIB // 2}\n"
    assert available_memory() == GIB + GIB // 2
    machine["/groups/memory.max"] = "max\n"
    assert available_memory() == 8 * GIB
    machine |= {"/groups/memory/memory.limit_in_bytes": f"{GIB}", "/groups/memory/memory.usage_in_bytes": f"{2 * GIB}"}
    assert available_memory() == 0


def test_the_limit_of_a_shell(machine, monkeypatch):
    machine["/proc/self/statm"] = "1000 1 1 1 1 1 1"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (GIB, GIB))
    assert available_memory() == GIB - 1000 * resource.getpagesize()


def test_a_system_that_says_nothing_limits_nothing(machine):
    machine.clear()
    assert available_memory() is None
    assert beyond_memory(10**30) == ""
