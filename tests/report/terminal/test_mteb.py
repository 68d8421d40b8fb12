from rich.console import Console

from posembed.report.terminal.mteb import print_scores


def test_languages_are_averaged():
    console = Console(record=True, width=100)
    print_scores([("Some[b]Task", {"test": [{"main_score": 0.25}, {"main_score": 0.5}]})], console)
    text = console.export_text()
    assert "Some[b]Task" in text
    assert "0.375" in text
