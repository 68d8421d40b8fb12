"""What is published: a wheel of what users need, a source distribution that tests run from, CI that runs them."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST = 140_000  # bytes of one file in the wheel, uncompressed


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
        sizes = {entry.filename: entry.file_size for entry in wheel.infolist()}
    folders = {name.split("/")[0] for name in names}
    assert all(folder == "posembed" or folder.endswith(".dist-info") for folder in folders)
    assert "posembed/py.typed" in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "posembed").rglob("*.py")}
    assert modules <= set(names)
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_the_source_distribution_holds_tests_and_documentation(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt", "pyproject.toml", "conftest.py"}
    assert wanted <= names
    assert "tests/test_public.py" in names
    assert "docs/index.md" in names


def test_the_description_renders(built):
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *built], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_what_a_developer_runs():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for command in ("make lint", "make test", "make docs"):
        assert f"- run: {command}\n" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.rpartition(" :: ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    assert [f'"{version}"' in text for version in named] == [True] * len(named)
    assert named == ["3.11", "3.12", "3.13", "3.14"]
