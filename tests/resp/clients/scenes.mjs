// What an application does with ioredis, unmodified, against the server at PORT.
//
// Prints the name of each scene that went well. Before the last one it says `restart` and
// waits for a line: the server is then another process at the same port.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { once } from "node:events";
import { createInterface } from "node:readline";

const { PORT, KEY, MODULES } = process.env;
const Redis = createRequire(`${MODULES}/`)("ioredis");
const options = { port: Number(PORT), password: KEY, retryStrategy: () => 50 };
const connect = (more = {}) => new Redis({ ...options, ...more });
const r = connect();

async function loggingIn() {
  const stranger = new Redis({ port: Number(PORT), retryStrategy: null, enableReadyCheck: false });
  stranger.on("error", () => {});
  await assert.rejects(stranger.get("k"), /NOAUTH/);
  stranger.disconnect();
  const named = connect({ username: "anyone" });
  assert.equal(await named.ping(), "PONG");
  named.disconnect();
}

async function values() {
  assert.equal(await r.set("s", "a", "EX", 100, "NX"), "OK");
  assert.equal(await r.set("s", "b", "NX"), null);
  assert.equal(await r.ttl("s"), 100);
  assert.deepEqual(await r.mget("s", "absent"), ["a", null]);
  const every = Buffer.from(Array.from({ length: 1 << 20 }, (_, n) => n & 255));
  await r.set("bin", every);
  assert.ok(every.equals(await r.getBuffer("bin")));
  assert.equal(await r.hset("h", { a: 1, b: 2 }), 2);
  assert.deepEqual(await r.hgetall("h"), { a: "1", b: "2" });
  assert.equal(await r.rpush("l", "a", "b", "c"), 3);
  assert.deepEqual(await r.lrange("l", 0, -1), ["a", "b", "c"]);
  assert.equal(await r.sadd("set", "a", "b"), 2);
  assert.deepEqual((await r.smembers("set")).sort(), ["a", "b"]);
  assert.equal(await r.zadd("z", 1, "a", 2.5, "b"), 2);
  assert.deepEqual(await r.zrange("z", 0, -1, "WITHSCORES"), ["a", "1", "b", "2.5"]);
  await assert.rejects(r.lpush("h", 1), /WRONGTYPE/);
}

async function streams() {
  const id = await r.xadd("x", "*", "n", "1");
  assert.equal(await r.xgroup("CREATE", "x", "g", "0"), "OK");
  const taken = await r.xreadgroup("GROUP", "g", "me", "COUNT", 10, "STREAMS", "x", ">");
  assert.deepEqual(taken, [["x", [[id, ["n", "1"]]]]]);
  assert.equal(await r.xack("x", "g", id), 1);
  const other = connect();
  const waiting = other.xread("BLOCK", 10000, "STREAMS", "x", "$");
  // Whether it waits already no reply tells: one that is added until it is read.
  let read = null;
  waiting.then((got) => (read = got));
  while (!read) {
    await r.xadd("x", "*", "n", "2");
    await new Promise((then) => setImmediate(then));
  }
  assert.equal(read[0][0], "x");
  other.disconnect();
}

async function pipelines() {
  const pipe = r.pipeline();
  for (let n = 0; n < 1000; n++) pipe.incr("count");
  const got = await pipe.exec();
  assert.deepEqual(got.map(([error, n]) => [error, n]), Array.from({ length: 1000 }, (_, n) => [null, n + 1]));
  const auto = connect({ enableAutoPipelining: true });
  await Promise.all(Array.from({ length: 100 }, () => auto.incr("count")));
  assert.equal(await auto.get("count"), "1100");
  auto.disconnect();
}

async function transactions() {
  const done = await r.multi().set("t", 1).incr("t").lpush("t", "x").exec();
  assert.deepEqual([done[0][1], done[1][1]], ["OK", 2]);
  assert.match(done[2][0].message, /WRONGTYPE/);
  const other = connect();
  await other.watch("t");
  await r.set("t", 5);
  assert.equal(await other.multi().set("t", 99).exec(), null);
  assert.equal(await r.get("t"), "5");
  other.disconnect();
}

async function channels() {
  const ear = connect();
  await ear.subscribe("news");
  await ear.psubscribe("ne*");
  const told = Promise.all([once(ear, "message"), once(ear, "pmessage")]);
  assert.equal(await r.publish("news", "hello"), 2);
  assert.deepEqual(await told, [["news", "hello"], ["ne*", "news", "hello"]]);
  ear.disconnect();
}

async function waiting() {
  const other = connect();
  const popped = other.blpop("late", 10);
  await r.rpush("late", "x");
  assert.deepEqual(await popped, ["late", "x"]);
  assert.equal(await other.blpop("late", 0.05), null);
  other.disconnect();
}

async function scanning() {
  const pipe = r.pipeline();
  for (let n = 0; n < 500; n++) pipe.set(`scan:${n}`, n);
  await pipe.exec();
  const found = new Set();
  for await (const page of r.scanStream({ match: "scan:*", count: 50 })) page.forEach((key) => found.add(key));
  assert.equal(found.size, 500);
}

async function scripts() {
  r.defineCommand("mine", { numberOfKeys: 1, lua: "return 1" });
  await assert.rejects(r.mine("k"), /there are no scripts here/);
}

const scenes = { loggingIn, values, streams, pipelines, transactions, channels, waiting, scanning, scripts };
for (const [name, scene] of Object.entries(scenes)) {
  await r.flushall();
  await scene();
  console.log(name);
}
const ear = connect();
await ear.subscribe("after");
const gone = once(r, "close");
console.log("restart");
await once(createInterface(process.stdin), "line");
await gone;
assert.equal(await r.set("after", "restart"), "OK");
// It subscribes again by itself; until it has, nobody hears.
const heard = once(ear, "message");
let ears = 0;
while (ears === 0) ears = await r.publish("after", "again");
assert.deepEqual(await heard, ["after", "again"]);
console.log("restarting");
process.exit(0);
