"""What an application does with redis-py, unmodified, against the server at PORT.

Prints the name of each scene that went well. Before the last one it says `restart` and
waits for a line: the server is then another process at the same port.
"""

import asyncio
import os
import sys
import threading

import redis
import redis.asyncio
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

PORT, KEY = int(os.environ["PORT"]), os.environ["KEY"]
NO_RETRY = Retry(NoBackoff(), 0)


def client(protocol, **more):
    return redis.Redis(
        port=PORT, password=KEY, protocol=protocol, decode_responses=True, **more
    )


def equal(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def raises(kind, words, what):
    try:
        what()
    except kind as error:
        said = str(error.args) + str(error)
        assert words in said, f"{said} does not say {words!r}"
        return
    raise AssertionError(f"nothing was refused where {words!r} was expected")


def logging_in(r):
    raises(
        redis.AuthenticationError,
        "",
        lambda: redis.Redis(port=PORT, password="wrong" * 8, retry=NO_RETRY).ping(),
    )
    raises(redis.AuthenticationError, "", lambda: redis.Redis(port=PORT, retry=NO_RETRY).get("k"))
    assert redis.Redis(port=PORT, username="anyone", password=KEY).ping()
    r.client_setname("scenes")
    equal(r.client_getname(), "scenes")


def strings(r):
    assert r.set("s", "a", ex=100) and r.ttl("s") == 100
    equal(r.set("s", "b", nx=True), None)
    equal(r.set("s", "b", get=True), "a")
    equal((r.get("s"), r.append("s", "c"), r.strlen("s")), ("b", 2, 2))
    equal((r.incr("n"), r.incrby("n", 41), r.decr("n")), (1, 42, 41))
    equal(r.incrbyfloat("f", 1.5), 1.5)
    assert r.mset({"m1": "1", "m2": "2"})
    equal(r.mget("m1", "absent", "m2"), ["1", None, "2"])
    equal(r.setrange("s", 1, "X"), 2)
    equal((r.getrange("s", 0, -1), r.getdel("s"), r.get("s")), ("bX", "bX", None))
    equal((r.setbit("b", 7, 1), r.bitcount("b"), r.getbit("b", 7)), (0, 1, 1))
    raw = redis.Redis(port=PORT, password=KEY)
    every = bytes(range(256)) * 1000
    raw.set(b"bin\x00\r\n", every)
    equal(raw.get(b"bin\x00\r\n"), every)


def hashes(r):
    equal(r.hset("h", mapping={"a": "1", "b": "2"}), 2)
    equal(r.hgetall("h"), {"a": "1", "b": "2"})
    equal((r.hincrby("h", "a", 4), r.hget("h", "a"), r.hlen("h")), (5, "5", 2))
    equal((r.hdel("h", "a"), r.hexists("h", "a"), r.hkeys("h")), (1, False, ["b"]))
    equal(dict(r.hscan_iter("h")), {"b": "2"})
    raises(redis.ResponseError, "WRONGTYPE", lambda: r.lpush("h", 1))


def lists(r):
    equal((r.rpush("l", *"abcd"), r.lpush("l", "z")), (4, 5))
    equal(r.lrange("l", 0, -1), list("zabcd"))
    equal((r.lpop("l"), r.rpop("l", 2), r.lindex("l", 0)), ("z", ["d", "c"], "a"))
    equal((r.lmove("l", "l2", "LEFT", "RIGHT"), r.llen("l")), ("a", 1))
    equal(r.blpop(["none", "l"], 1), ("l", "b") if r.protocol == 2 else ["l", "b"])
    equal(r.blpop("none", 0.05), None)
    equal(r.brpoplpush("l2", "l3", 1), "a")
    later = threading.Timer(0.05, lambda: client(2).rpush("late", "x"))
    later.start()
    equal(list(r.brpop("late", 10)), ["late", "x"])
    later.join()


def sets(r):
    equal((r.sadd("s1", *"abc"), r.sadd("s2", *"bcd")), (3, 3))
    equal(r.sinter("s1", "s2"), {"b", "c"})
    equal((r.sunionstore("s3", "s1", "s2"), r.scard("s3")), (4, 4))
    equal((r.smembers("s1"), r.sismember("s1", "z")), ({"a", "b", "c"}, 0))
    equal(set(r.sscan_iter("s3")), set("abcd"))


def sorted_sets(r):
    equal(r.zadd("z", {"a": 1, "b": 2.5, "c": 3}), 3)
    pairs = [("b", 2.5), ("c", 3.0)]
    got = r.zrange("z", 1, -1, withscores=True)
    equal([tuple(pair) for pair in got], pairs)
    equal((r.zscore("z", "b"), r.zrank("z", "c"), r.zincrby("z", 1, "a")), (2.5, 2, 2.0))
    equal(r.zrangebyscore("z", "-inf", "(3"), ["a", "b"])
    equal([tuple(pair) for pair in r.zpopmin("z", 1)], [("a", 2.0)])
    equal(dict(r.zscan_iter("z")), {"b": 2.5, "c": 3.0})
    equal(r.geoadd("g", [13.361389, 38.115556, "Palermo"]), 1)
    equal(r.geosearch("g", longitude=13, latitude=38, radius=100, unit="km"), ["Palermo"])


def streams(r):
    first = r.xadd("x", {"n": "1"})
    r.xadd("x", {"n": "2"})
    equal([fields for _, fields in r.xrange("x")], [{"n": "1"}, {"n": "2"}])
    assert r.xgroup_create("x", "g", id="0")
    taken = r.xreadgroup("g", "me", {"x": ">"}, count=1)
    taken = taken["x"][0] if isinstance(taken, dict) else taken[0][1]
    equal(taken, [(first, {"n": "1"})] if taken and isinstance(taken[0], tuple) else [[first, {"n": "1"}]])
    equal(r.xpending("x", "g")["pending"], 1)
    equal((r.xack("x", "g", first), r.xpending("x", "g")["pending"]), (1, 0))
    equal((r.xlen("x"), r.xinfo_stream("x")["length"]), (2, 2))
    assert not r.xread({"x": "$"}, block=20)


def pipelines(r):
    with r.pipeline(transaction=False) as pipe:
        for n in range(1000):
            pipe.incr("count")
        equal(pipe.execute(), list(range(1, 1001)))
    with r.pipeline() as pipe:
        pipe.set("p", "1").incr("p").lpush("p", "x").get("p")
        got = pipe.execute(raise_on_error=False)
    equal((got[0], got[1], got[3]), (True, 2, "2"))
    assert isinstance(got[2], redis.ResponseError) and "WRONGTYPE" in str(got[2])


def transactions(r):
    r.set("balance", 10)
    with r.pipeline() as pipe:
        pipe.watch("balance")
        client(2).set("balance", 11)
        pipe.multi()
        pipe.set("balance", 99)
        raises(redis.WatchError, "", pipe.execute)
    equal(r.get("balance"), "11")

    def spend(pipe):
        left = int(pipe.get("balance")) - 1
        pipe.multi()
        pipe.set("balance", left)

    equal(r.transaction(spend, "balance"), [True])
    equal(r.get("balance"), "10")


def channels(r):
    with r.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("news")
        heard.psubscribe("ne*")
        while heard.get_message(timeout=0.2):
            pass
        equal(r.publish("news", "hello"), 2)
        got = []
        while len(got) < 2:
            message = heard.get_message(timeout=10)
            if message:
                got.append((message["type"], message["channel"], message["data"]))
        equal(sorted(got), [("message", "news", "hello"), ("pmessage", "news", "hello")])
        equal((r.pubsub_numsub("news"), r.pubsub_numpat()), ([("news", 1)], 1))


def scanning(r):
    with r.pipeline(transaction=False) as pipe:
        for n in range(500):
            pipe.set(f"scan:{n}", n)
        pipe.execute()
    expected = {f"scan:{n}" for n in range(500)}
    equal(set(r.scan_iter("scan:*", count=50)), expected)
    equal(set(r.keys("scan:*")), expected)


def locks(r):
    # Taking a lock is SET NX PX, which works; giving it back is a script, which is refused
    # in so many words.
    lock = r.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert not client(2).lock("lock", timeout=10).acquire(blocking=False)
    raises(redis.ResponseError, "there are no scripts here", lock.release)


def pools(r):
    pool = redis.BlockingConnectionPool(port=PORT, password=KEY, max_connections=4)
    shared = redis.Redis(connection_pool=pool)

    def work():
        for _ in range(200):
            shared.incr("shared")

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal(int(shared.get("shared")), 1600)
    pool.disconnect()


def asynchronous(r):
    async def run():
        a = redis.asyncio.Redis(port=PORT, password=KEY, protocol=r.protocol, decode_responses=True)
        equal(sorted(await asyncio.gather(*[a.incr("async") for _ in range(100)])), list(range(1, 101)))
        waiting = asyncio.create_task(a.blpop("async-list", 10))
        await a.rpush("async-list", "x")
        equal(list(await waiting), ["async-list", "x"])
        async with a.pipeline(transaction=True) as pipe:
            equal(await pipe.set("ap", 1).incr("ap").execute(), [True, 2])
        async with a.pubsub() as heard:
            await heard.subscribe("anews")
            told = await heard.get_message(timeout=10)
            equal(told["type"], "subscribe")
            equal(await a.publish("anews", "hi"), 1)
            told = await heard.get_message(timeout=10)
            equal((told["type"], told["data"]), ("message", "hi"))
        await a.aclose()

    asyncio.run(run())


SCENES = [
    logging_in,
    strings,
    hashes,
    lists,
    sets,
    sorted_sets,
    streams,
    pipelines,
    transactions,
    channels,
    scanning,
    locks,
    pools,
    asynchronous,
]


def restarting(clients):
    print("restart", flush=True)
    sys.stdin.readline()
    for r in clients:
        # The pool finds that its connections are gone and makes others.
        assert r.set("after", "restart")
        equal(r.get("after"), "restart")
    print("restarting", flush=True)


clients = []
for protocol in (2, 3):
    retry = Retry(ConstantBackoff(0.05), 40)
    r = client(protocol, retry=retry, retry_on_error=[redis.ConnectionError])
    r.protocol = protocol
    clients.append(r)
    for scene in SCENES:
        r.flushall()
        scene(r)
        print(f"{scene.__name__} {protocol}", flush=True)
restarting(clients)
