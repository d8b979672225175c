"""What an application does with opa-python-client, unmodified, against the server at PORT.

Prints the name of each scene that went well: first as a program on the same machine that shows
no credential, then with KEY as its token.
"""

import asyncio
import os
import tempfile

from opa_client.errors import (
    ConnectionsError,
    DeleteDataError,
    DeletePolicyError,
    PatchDataError,
    PolicyNotFoundError,
    QueryExecuteError,
    RegoParseError,
)
from opa_client.opa import OpaClient
from opa_client.opa_async import AsyncOpaClient

PORT, KEY = int(os.environ["PORT"]), os.environ["KEY"]

POLICY = """package play

default hello := false

hello if input.message in data.words.list

loud contains word if some word in input.words

shout(word) := upper(word)
"""

# As it was written for OPA before 1.0.
OLD = """package old

default allow = false

allow {
  input.x == 1
}

deny[msg] {
  input.x == 2
  msg := "two"
}
"""


def equal(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def raises(kind, words, what):
    try:
        what()
    except kind as error:
        said = str(error) + str(error.args)
        assert words in said, f"{said} does not say {words!r}"
        return
    raise AssertionError(f"nothing was refused where {words!r} was expected")


def connecting(c):
    equal(c.check_connection(), True)
    assert c.wait_for_ready(timeout=5)
    for query in (None, {"bundles": True}, {"plugins": True, "bundles": False}):
        assert c.check_health(query)
    assert not c.check_health(diagnostic_url=f"http://localhost:{PORT}/nowhere")
    raises(ConnectionsError, "unreachable", OpaClient(port=PORT, token="wrong" * 8).check_connection)
    equal(c.get_config()["result"]["default_decision"], "/system/main")


def policies(c):
    assert c.update_policy_from_string(POLICY, "testpolicy")
    with tempfile.TemporaryDirectory() as place:
        name = os.path.join(place, "in.rego")
        with open(name, "w") as file:
            file.write("package other\n\nx := 1\n")
        assert c.update_policy_from_file(name, "dir/other")
        assert c.policy_to_file("testpolicy", place, "out.rego")
        with open(os.path.join(place, "out.rego")) as file:
            equal(file.read(), POLICY)
    equal(sorted(c.get_policies_list()), ["dir/other", "testpolicy"])
    info = c.get_policies_info()["testpolicy"]
    assert info["path"].endswith("/v1/data/play"), info
    rules = {rule.rsplit("/", 1)[1] for rule in info["rules"]}
    equal(rules, {"hello", "loud", "shout"})
    equal(c.get_policy("testpolicy")["result"]["raw"], POLICY)
    raises(PolicyNotFoundError, "resource_not_found", lambda: c.get_policy("none"))


def wrong_policies(c):
    put = c.update_policy_from_string
    raises(RegoParseError, "invalid_parameter", lambda: put("package x\nallow if {", "x"))
    raises(RegoParseError, "undefined function nosuch", lambda: put("package x\na if nosuch(1)", "x"))
    # By the words it is refused with, the client knows what to do with the older style.
    raises(RegoParseError, "`if` keyword is required", lambda: put(OLD, "old", rego_compat=False))
    assert put(OLD, "old")
    equal(c.query_rule({"x": 1}, "old")["result"], {"allow": True, "deny": []})
    equal(c.query_rule({"x": 2}, "old", "deny")["result"], ["two"])
    assert c.delete_policy("old")


def documents(c):
    assert c.update_or_create_data({"list": ["world", "hello"]}, "words")
    equal(c.get_data("words")["result"], {"list": ["world", "hello"]})
    equal(c.get_data("words/list/1")["result"], "hello")
    assert c.patch_data("words", [{"op": "add", "path": "/list/-", "value": "you"}])
    equal(c.get_data("words/list")["result"], ["world", "hello", "you"])
    everything = c.get_data()["result"]
    assert everything["words"] and everything["play"]["hello"] is False, everything
    assert "metrics" in c.get_data("words", {"metrics": True, "provenance": True, "pretty": True})
    raises(PolicyNotFoundError, "not found", lambda: c.get_data("nothing/here"))
    gone = [{"op": "remove", "path": "/none"}]
    raises(PatchDataError, "resource_not_found", lambda: c.patch_data("words", gone))
    raises(PatchDataError, "resource_not_found", lambda: c.patch_data("nowhere", gone))
    put = c.update_or_create_data
    raises(RegoParseError, "resource_conflict", lambda: put({"a": 1}, "words/list/x"))
    raises(RegoParseError, "invalid_parameter", lambda: put({"a": 1}, "play/hello"))


def decisions(c):
    equal(c.query_rule({"message": "hello"}, "play", "hello")["result"], True)
    equal(c.query_rule({"message": "bye"}, "play", "hello")["result"], False)
    equal(c.query_rule({"words": ["b", "a"]}, "play", "loud")["result"], ["a", "b"])
    assert "result" not in c.query_rule({}, "play", "nothing")
    more = {"explain": "full", "metrics": True, "pretty": True, "instrument": True}
    told = c.query_rule({"message": "hello"}, "play", "hello", more)
    assert told["result"] is True and told["metrics"] and told["decision_id"]
    equal(c.ad_hoc_query("x := data.play.hello", {"message": "you"})["result"], [{"x": True}])
    equal(c.ad_hoc_query("1 == 2"), {})
    inputs = {"a": {"message": "hello"}, "b": {"message": "bye"}}
    equal(c.bulk_query_rule(inputs, "play", "hello"), {"a": True, "b": False})
    many = [{"message": word} for word in ["hello", "bye"] * 100]
    equal(c.bulk_query_rule(many, "play", "hello"), [True, False] * 100)
    raises(QueryExecuteError, "undefined", lambda: c.bulk_query_rule(many, "play", "nothing"))


def conditions(c):
    question = "data.play.hello == true"
    [[line]] = c.compile_query(question, unknowns=["input"])["result"]["queries"]
    equal(line["terms"][1]["value"][1], {"type": "string", "value": "message"})
    known = {"message": "hello"}
    equal(c.compile_query(question, known, unknowns=["data.other"])["result"], {"queries": [[]]})
    never = {"message": "bye"}
    equal(c.compile_query(question, never, unknowns=["data.other"])["result"], {})
    options = {"disableInlining": ["data.play.hello"]}
    left = c.compile_query(question, options=options)["result"]
    assert left["support"] and left["queries"], left


def signals(c):
    if c.headers is None:
        return
    assert "stockade_" in c.get_metrics()
    equal(c.get_status()["result"]["bundles"], {})


def asynchronous(c):
    async def run():
        token = KEY if c.headers else None
        async with AsyncOpaClient(port=PORT, token=token) as a:
            assert await a.check_connection() and await a.check_health()
            ask = lambda word: a.query_rule({"message": word}, "play", "hello")
            told = await asyncio.gather(*[ask(word) for word in ["hello", "bye"] * 20])
            equal([one["result"] for one in told], [True, False] * 20)

    asyncio.run(run())


def taking_away(c):
    assert c.delete_data("words")
    raises(DeleteDataError, "resource_not_found", lambda: c.delete_data("words"))
    for name in ["testpolicy", "dir/other"]:
        assert c.delete_policy(name)
    raises(DeletePolicyError, "resource_not_found", lambda: c.delete_policy("testpolicy"))
    equal(c.get_policies_list(), [])


SCENES = [
    connecting,
    policies,
    wrong_policies,
    documents,
    decisions,
    conditions,
    signals,
    asynchronous,
    taking_away,
]

for who, token in (("neighbour", None), ("key", KEY)):
    with OpaClient(port=PORT, token=token, timeout=20) as c:
        for scene in SCENES:
            scene(c)
            print(f"{scene.__name__} {who}", flush=True)
