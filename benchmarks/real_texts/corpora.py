"""Two collections of manuals, out of source distributions on PyPI.

    python -m benchmarks.real_texts.corpora FOLDER      (downloads about 100 MB, keeps 25 MB)

Writes FOLDER/web and FOLDER/tools, a folder for each project below them. They share no project, so that a table that is
calibrated on one is measured on the other. Versions and checksums are fixed. Release notes are left out: their pages
are lists of changes, whose titles are numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import tarfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

INDEX = "https://pypi.org/simple/"
# Collection, then project: version and SHA-256 of its source distribution.
COLLECTIONS = {
    "web": {
        "django": ("6.1.3", "b5d2d9e35295065d13b1927b3f19a59bd119f737aa6299def14ccca1ae3c8c0d"),
        "sqlalchemy": ("2.1.9", "d700a8b2edfb26282a470333d6bc4a454c4acda4d201a3bea7b72fa76c217d28"),
        "scrapy": ("2.19.0", "34130726582b64c91531162ab277c4053e558876d49ba219cb43679e71d80a87"),
        "pyramid": ("2.1", "5a24bc1b5f9e0f0d1c0b6ddd1111e84c15dac44a07e3c1d24e74dd9bb4fc22eb"),
        "twisted": ("26.10.0", "5f0355403e507fc23ceea85e9dbb4bc59335aabde41dd324e8b8cea180dd38de"),
    },
    "tools": {
        "numpy": ("2.5.5", "5cddc243c75114ba845f01b1f87aca1572dbf7b6c2d88636ed3e1d2bccd7f1bf"),
        "salt": ("3008.5", "0259deafd601d783721e5aa8ed10677d8c4d6cc12f5de17499af71590d593315"),
        "sphinx": ("9.2.0", "90470459f3cab15d9dfed146c71cf77694b0445df17b2e0e69059cb9f7fc9ee4"),
        "buildbot": ("4.3.0", "cbf46a15004bb1229712285e4f2b98163a169868ea00783e5e0d7cf8d5e8d962"),
    },
}
_PAGE = re.compile(r"/docs?/.*\.(rst|txt)$")  # Django's pages end with .txt, and are reStructuredText
_LEFT_OUT = re.compile(r"/(tests?|locale|releases?|release_notes|changes|changelog|news|whatsnew)[/_.-]", re.IGNORECASE)


def main() -> None:
    """Write both collections."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for collection, projects in COLLECTIONS.items():
        for project, (version, checksum) in projects.items():
            count = unpack(download(project, version, checksum), folder / collection / project)
            print(f"{collection}: {project} {version}, {count} pages", flush=True)


def download(project: str, version: str, checksum: str) -> bytes:
    """Return a source distribution.

    Raises:
        SystemExit: if the index has no such file, or it is another one.
    """
    asked = urllib.request.Request(f"{INDEX}{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        files = json.load(answer)["files"]
        base = answer.geturl()
    name = f"{project}-{version}.tar.gz"
    address = next((urljoin(base, file["url"]) for file in files if file["filename"] == name), None)
    if address is None:
        raise SystemExit(f"{INDEX}{project}/ has no {name}")
    with urllib.request.urlopen(address, timeout=300) as answer:
        data: bytes = answer.read()
    if hashlib.sha256(data).hexdigest() != checksum:
        raise SystemExit(f"{address} is not the file that was measured: its SHA-256 differs")
    return data


def unpack(archive: bytes, folder: Path) -> int:
    """Write the pages of a source distribution; return how many there are."""
    count = 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            name = f"/{member.name.partition('/')[2]}"
            if not member.isfile() or not _PAGE.search(name) or _LEFT_OUT.search(name) or ".." in name:
                continue
            content = members.extractfile(member)
            assert content is not None
            page = (folder / name.strip("/")).with_suffix(".rst")
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_bytes(content.read())
            count += 1
    return count


if __name__ == "__main__":
    main()
