"""Questions and answers survive the pipe."""

import json

from posembed.extension.check.messages import Answer, Copy, Size, Start


def test_every_message_is_read_back():
    sizes = (Size("a", "sequence", 8, 16, 4), Size("b", "grid", 4, 9, 0, (3, 3)))
    start = Start("timm", "/a", True, sizes)
    assert (start.longest, start.kept) == (16, 0)
    for message in (start, Copy("/b"), Answer("fault", "A of b", "no", ran=True)):
        assert type(message).from_dict(json.loads(json.dumps(message.to_dict()))) == message
