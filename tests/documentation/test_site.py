"""The site is built strictly, is whole, and no link in it leads nowhere."""

import re
import subprocess
import sys
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest

import posembed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "trees")]
    # The theme of `make docs` builds the tree of all pages again for each of them, a third of the time; the pages'
    # contents, which the tests look at, are the same in Sphinx's own.
    command += ["-D", "html_theme=basic"]
    done = subprocess.run([*command, str(DOCS), str(folder / "html")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "html"


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, _tag, attrs):
        named = dict(attrs)
        self.anchors |= {named[name] for name in ("id", "name") if named.get(name)}
        self.links += [named[name] for name in ("href", "src") if named.get(name)]


def test_no_link_leads_nowhere(site):
    pages = {page.resolve(): Links(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    assert len(pages) > 50
    broken, checked = [], 0
    for page, found in pages.items():
        for link in found.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or link in ("#", ""):
                continue
            target = (page.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else page
            checked += 1
            if not target.exists():
                broken.append(f"{page.name}: {link}")
            elif parts.fragment and target in pages:
                anchor = urllib.parse.unquote(parts.fragment)
                if anchor not in pages[target].anchors and target.name not in ("genindex.html", "search.html"):
                    broken.append(f"{page.name}: {link} (no such place)")
    assert broken == []
    assert checked > 1000


def test_signatures_say_what_the_source_says(site):
    text = "".join(re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8")) for page in (site / "reference").glob("*"))
    signatures = [line for line in text.splitlines() if "NDArray[" in line and ") &#x2192;" in line]
    assert len(signatures) > 5
    assert [line for line in signatures if "dtype[" in line] == []


def test_the_lesson_is_part_of_it(site):
    assert 'id="quiz"' in (site / "learned-positions.html").read_text(encoding="utf-8")
    assert 'href="learned-positions.html"' in (site / "lesson.html").read_text(encoding="utf-8")


def test_every_public_name_has_its_place(site):
    reference = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    for name in posembed.__all__:
        if name != "__version__":
            assert re.search(rf'id="posembed(\.\w+)*\.{name}"', reference), name


def test_every_command_has_a_page():
    from posembed.cli.app import COMMANDS

    assert {"compare", "inspect", "extend", "lesson", "quiz"} <= set(COMMANDS)
    for name in COMMANDS:
        page = (DOCS / "commands" / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# `posembed {name}`")


def test_every_option_is_on_its_page():
    from posembed.cli.app import COMMANDS, app

    for name in COMMANDS:
        page = (DOCS / "commands" / f"{name}.md").read_text(encoding="utf-8")
        for option in app[name].assemble_argument_collection():
            for word in option.names:
                if word.startswith("--"):
                    assert f"`{word}" in page, f"{name}: {word}"


def test_links_of_the_pages_outside_the_site():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
        assert len(links) > 1
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_contributing_is_short():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) < 60


def test_every_how_to_page_is_there():
    pages = sorted(path.name[:2] for path in (DOCS / "howto").glob("[0-9]*.md"))
    assert pages == [f"{number:02}" for number in range(1, 22)]


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {posembed.__version__}\n" in text
    assert "license: Apache-2.0" in text
