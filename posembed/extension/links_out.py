"""Name the symbolic links by which a copy would hold files that lie outside of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.tree import read_tree


def links_out(root: Path) -> Iterator[str]:
    """Yield a sentence for each link that leads out of a checkpoint's directory, none for a single file.

    Links of a hub cache to its own blobs are as they should be and not named.

    Raises:
        CheckpointError: if something in the directory cannot be read.
    """
    for link, real in read_tree(root).links_out() if root.is_dir() else ():
        yield (
            f"{link.relative_to(root)} is a symbolic link that leads out of the checkpoint: the copy holds the content "
            f"of {real}"
        )
