"""What an application does with decern's client of AuthZEN, unmodified, against the server at PORT.

Prints the name of each scene that went well.
"""

import os

from decern import Client, DecernError

c = Client(f"http://127.0.0.1:{os.environ['PORT']}", timeout=20)
USER = {"type": "user", "id": "ann"}
DOC = {"type": "doc", "id": "7", "properties": {"owner": "ann"}}


def equal(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def deciding():
    equal(c.evaluate(USER, "read", DOC).allowed, True)
    equal(c.evaluate(USER, {"name": "write", "properties": {"soon": True}}, DOC).allowed, True)
    equal(c.evaluate({"type": "user", "id": "bob"}, "write", DOC).allowed, False)
    equal(c.evaluate(USER, "read", DOC, context={"night": True}).allowed, False)


def refusing():
    try:
        c.evaluate({"type": "user"}, "read", DOC)
    except DecernError as error:
        equal(error.status_code, 400)
        assert "id" in error.body, error.body
        return
    raise AssertionError("a subject without an id was decided")


for scene in (deciding, refusing):
    scene()
    print(scene.__name__, flush=True)
