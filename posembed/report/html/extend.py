"""The plan of an extension, as a notebook shows it."""

from __future__ import annotations

from posembed.records.extension import ExtensionRecord
from posembed.report.html.notebook import render
from posembed.report.html.words import paragraphs, word_table
from posembed.report.terminal.extend import extension_rows
from posembed.report.terminal.search import TITLE as SEARCH_TITLE
from posembed.report.terminal.search import search_rows


@render.register
def extension_for_notebook(record: ExtensionRecord) -> str:
    """Return the table of all changes, the notes, why it is not supported, and how the method was chosen."""
    words = [f"Note: {note}" for note in record.notes]
    words += [f"Not supported: {reason}" for reason in record.blocked]
    words += [f"Chosen: {sentence}" for sentence in (record.chosen.why if record.chosen is not None else ())]
    table = word_table(f"Extending {record.checkpoint}", ("what", "before", "after", "how"), extension_rows(record))
    header, rows = search_rows(record.chosen) if record.chosen is not None else ([], [])
    searched = word_table(SEARCH_TITLE, header, rows) if rows else ""
    return table + paragraphs(words) + searched
