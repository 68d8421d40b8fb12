"""Describe output and files as plain values that can be compared, and read where they differ."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_READABLE = 200_000  # a longer script of a page is compared by its sum alone


def sha256(content: bytes) -> str:
    """The sum of ``content``, shortened: 64 bits tell any two apart here."""
    return hashlib.sha256(content).hexdigest()[:16]


def describe_output(printed: str, as_json: bool) -> dict[str, Any]:
    """Standard output, parsed where it is one JSON document."""
    printed = without_folders(printed)
    if not as_json:
        return {"text": printed}
    try:
        parsed = json.loads(printed)
    except ValueError:
        return {"text": printed}
    return {"json": parsed, "printed as indent=1": printed == json.dumps(parsed, indent=1) + "\n"}


def describe_error(told: str) -> str:
    """The last line of standard error that holds a word; frames around a message are no part of it."""
    lines = (line.strip(" │╭╮╰╯─\r") for line in without_folders(told).splitlines())
    return next((line for line in reversed(list(lines)) if line), "")


def entries(folder: Path, name: str) -> list[Path]:
    """What a scenario made: ``NAME``, ``NAME.html`` and the like, and what was hidden beside them."""
    return sorted(path for glob in (name, f"{name}.*", f".{name}.*") for path in folder.glob(glob))


def describe_files(folder: Path, name: str) -> dict[str, Any]:
    """Every file that a scenario made below ``folder``; hidden ones too."""
    found: dict[str, Any] = {}
    for entry in entries(folder, name):
        files = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
        for file in files:
            if file.is_file():
                found[str(file.relative_to(folder))] = describe_file(file)
        if entry.is_dir() and not files:
            found[f"{entry.relative_to(folder)}/"] = "an empty folder"
    return found


def describe_file(file: Path) -> dict[str, Any]:
    """Its sum, its rights, whether it is linked to another, and what can be read in it."""
    content = file.read_bytes()
    about = file.stat()
    described: dict[str, Any] = {"sha256": sha256(content), "mode": oct(stat.S_IMODE(about.st_mode))}
    if about.st_nlink > 1:
        described["linked"] = True
    if file.suffix == ".json":
        try:
            described["json"] = json.loads(without_folders(content.decode()))
        except ValueError:
            described["json"] = "cannot be parsed"
    elif file.suffix == ".safetensors":
        described |= _describe_tensors(content)
    elif file.suffix in (".bin", ".pth"):
        described["tensors"] = _describe_pickled(file)
    elif file.suffix in (".md", ".txt"):
        described["text"] = without_folders(content.decode())
    elif file.suffix == ".html":
        described |= _Page.describe(without_folders(content.decode()))
    return described


def _describe_tensors(content: bytes) -> dict[str, Any]:
    """The header as it can be read, its order set aside, and the sum of the numbers."""
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:end])
    except ValueError:
        return {"header": "cannot be parsed"}
    return {"header": json.loads(json.dumps(header, sort_keys=True)), "numbers": sha256(content[end:])}


def _describe_pickled(file: Path) -> Any:
    """Every tensor of a state dict by its dtype, shape and numbers, however the archive around them is laid out."""
    import torch

    try:
        content = torch.load(file, weights_only=True)
    except Exception as error:  # other files have these endings too
        return f"cannot be read: {type(error).__name__}"
    return {
        key: [str(value.dtype), list(value.shape), sha256(value.contiguous().view(torch.uint8).numpy().tobytes())]
        for key, value in content.items()
        if isinstance(value, torch.Tensor) and value.ndim
    }


def without_folders(text: str) -> str:
    """``text`` without the names of the temporary folders, which are other ones in every run."""
    for name, folder in (("<work>", str(Path.cwd())), ("<inputs>", os.environ.get("GOLDEN_INPUTS", ""))):
        if folder:
            text = text.replace(folder, name)
    return text


class _Page(HTMLParser):
    """Takes an HTML page apart: its words one by one, its structure, and its scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.tags: list[str] = []
        self.scripts: list[Any] = []
        self.within = ""

    @classmethod
    def describe(cls, text: str) -> dict[str, Any]:
        page = cls()
        page.feed(text)
        page.close()
        tags = sha256("\n".join(page.tags).encode())
        return {"words": page.words, "tags": tags, "number of tags": len(page.tags), "scripts": page.scripts}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within = tag
        spoken = ("aria-label", "title", "alt", "content", "placeholder")
        self.words += [str(value) for name, value in attrs if name in spoken and value]
        rest = [f"{name}={value}" for name, value in attrs if name not in spoken]
        self.tags.append(" ".join([tag, *rest]))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within in ("script", "style"):
            try:
                parsed = json.loads(data) if len(data) < _READABLE else sha256(data.encode())
            except ValueError:
                parsed = sha256(data.encode())
            self.scripts.append(parsed)
        elif data.strip():
            self.words.append(re.sub(r"\s+", " ", data.strip()))
