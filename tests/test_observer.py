"""Messages and progress reach the functions, and the standard logger."""

import logging

from posembed.observer import Callbacks, Observer, Progress


def test_messages_are_logged_and_passed_on(caplog):
    heard = []
    with caplog.at_level(logging.DEBUG, logger="posembed"):
        observer = Callbacks(message=heard.append, progress=heard.append, should_stop=lambda: True)
        observer.message("reading texts")
        observer.progress(Progress("calibration", 1, 2))
        observer.warning("the state is damaged")
    assert heard == ["reading texts", Progress("calibration", 1, 2), "the state is damaged"]
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "WARNING"]
    assert caplog.records[0].getMessage() == "reading texts"
    assert observer.should_stop()


def test_by_default_nothing_stops_and_nothing_is_shown(capfd):
    Observer().message("reading texts")
    assert not Observer().should_stop()
    assert not Callbacks().should_stop()
    assert capfd.readouterr() == ("", "")
