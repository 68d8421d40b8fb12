"""The output folder: who may use it. Whole runs that use it are in tests/commands/test_compare_out.py."""

import json
import subprocess
import sys

import pytest

from posembed import __version__
from posembed.errors import InvalidArgumentError, ResultsConflictError
from posembed.lab.folder import SAME_NUMBERS, claim, has_result, refuse_inside_data, unit_folder


def test_a_claimed_folder_says_what_it_is_for(config, tmp_path):
    units = [config(encoding="rope"), config(encoding="none")]
    claim(tmp_path / "run", units, resume=False)
    setup = json.loads((tmp_path / "run" / "setup.json").read_text())
    assert (setup["encodings"], setup["seeds"]) == (["rope", "none"], [0])
    assert setup["posembed"] == __version__
    assert "torch" in setup
    claim(tmp_path / "run", units, resume=True)
    with pytest.raises(ResultsConflictError, match="resume it with resume=True, or give another `out`"):
        claim(tmp_path / "run", units, resume=False)
    with pytest.raises(ResultsConflictError, match=r"another configuration \(encodings: \['rope', 'none'\] there"):
        claim(tmp_path / "run", units[:1], resume=True)


def test_this_version_trains_to_the_numbers_of_those_it_resumes():
    assert {"0.1.0", __version__} <= SAME_NUMBERS


def test_results_do_not_become_text(tmp_path):
    refuse_inside_data(tmp_path / "out", "stdlib")
    refuse_inside_data(tmp_path / "out", str(tmp_path / "file.txt"))
    (tmp_path / "data").mkdir()
    refuse_inside_data(tmp_path / "out", str(tmp_path / "data"))
    with pytest.raises(InvalidArgumentError, match=r"out='.*/data/out' lies inside data='.*/data'"):
        refuse_inside_data(tmp_path / "data" / "out", str(tmp_path / "data"))


def test_a_unit_is_done_when_its_result_is_there(config, tmp_path):
    own = config(encoding="rope")
    assert unit_folder(tmp_path, own) == tmp_path / "units" / "rope-seed0"
    assert not has_result(tmp_path, own)
    unit_folder(tmp_path, own).mkdir(parents=True)
    (unit_folder(tmp_path, own) / "result.json").touch()
    assert has_result(tmp_path, own)


KILLED = """
import os, signal, sys
from pathlib import Path
from posembed.files import write_whole
write_whole(Path(sys.argv[1]), lambda path: (path.touch(), os.kill(os.getpid(), signal.SIGKILL)), parents=True)
"""


def test_what_killed_runs_left_stops_nobody_and_goes(config, tmp_path):
    """One was killed while it said what the folder is for; another while it wrote a file that this one may not."""
    units = [config(encoding="rope")]
    for name, resume in (("setup.json", False), ("plots/gone.png", True)):
        assert subprocess.run([sys.executable, "-c", KILLED, tmp_path / "run" / name], check=False).returncode == -9
        claim(tmp_path / "run", units, resume=resume)
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == ["plots", "setup.json", "setup.json.previous"]
