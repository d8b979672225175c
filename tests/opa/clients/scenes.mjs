// What an application does with OPA's own client for Node, unmodified, against the server at PORT.
//
// Prints the name of each scene that went well.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { PORT, KEY, MODULES } = process.env;
const require = createRequire(`${MODULES}/`);
const { OPAClient } = require("@open-policy-agent/opa");
const { OpaApiClient } = require("@open-policy-agent/opa/sdk/index.js");
const serverURL = `http://127.0.0.1:${PORT}`;
const opa = new OPAClient(serverURL);
const authorization = `Bearer ${KEY}`;

async function decisions() {
  assert.equal(await opa.evaluate("play/fixed"), true);
  for (const input of [{ a: [1, null, "ü"] }, ["x"], "text", 7, false]) {
    assert.deepEqual(await opa.evaluate("play/whole", input), input);
  }
  assert.equal(await opa.evaluate("play/deep/er/still"), "down");
  assert.equal(await opa.evaluate("play/nothing", {}), undefined);
  assert.equal(await opa.evaluate("play/n", { n: 3 }, { fromResult: (n) => n + 1 }), 4);
  const asked = { toInput: () => ({ n: 9 }) };
  assert.equal(await opa.evaluate("play/n", asked), 9);
  assert.deepEqual(await opa.evaluateDefault({ a: 1 }), { default: { a: 1 } });
  assert.deepEqual(await opa.evaluateDefault(), { default: {} });
}

async function batches() {
  const inputs = { a: { n: 1 }, b: { n: 2 }, c: {} };
  assert.deepEqual(await opa.evaluateBatch("play/n", inputs), { a: 1, b: 2, c: undefined });
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`q${n}`, { n }]));
  const told = await opa.evaluateBatch("play/n", many, { rejectMixed: true });
  assert.equal(told.q499, 499);
  const mixed = { fine: { x: true }, not: { x: true, y: true } };
  const { fine, not } = await opa.evaluateBatch("play/torn", mixed);
  assert.equal(fine, 1);
  assert.equal(not.code, "internal_error");
  assert.equal(not.httpStatusCode, "500");
  await assert.rejects(opa.evaluateBatch("play/torn", mixed, { rejectMixed: true }));
}

async function errors() {
  const torn = await opa.evaluate("play/torn", { x: true, y: true }).catch((error) => error);
  assert.equal(torn.name, "ServerError");
  assert.equal(torn.code, "internal_error");
  assert.equal(torn.errors[0].code, "eval_conflict_error");
  assert.equal(torn.errors[0].location.file, "play.rego");
  const headers = { authorization: "Bearer nobody-knows-this-key-at-all-here" };
  const stranger = new OPAClient(serverURL, { headers });
  const refused = await stranger.evaluate("play/fixed").catch((error) => error);
  assert.equal(refused.httpMeta.response.status, 401);
  const known = new OPAClient(serverURL, { headers: { authorization } });
  assert.equal(await known.evaluate("play/fixed"), true);
}

async function parameters() {
  const low = new OpaApiClient({ serverURL });
  assert.ok((await low.health(true, true, ["x"])).healthyServer);
  const { successfulPolicyResponse: told } = await low.executePolicyWithInput({
    path: "play/whole",
    pretty: true,
    provenance: true,
    explain: "notes",
    metrics: true,
    instrument: true,
    strictBuiltinErrors: true,
    acceptEncoding: "gzip",
    requestBody: { input: "x".repeat(4000) },
  });
  assert.equal(told.result.length, 4000);
  assert.ok(told.decisionId && told.provenance.version && told.metrics.timer_server_handler_ns > 0);
  const strict = { path: "play/ratio", strictBuiltinErrors: true, requestBody: { input: { n: 0 } } };
  const failed = await low.executePolicyWithInput(strict).catch((error) => error);
  assert.equal(failed.errors[0].code, "eval_builtin_error");
}

async function filters() {
  const input = { user: "ann", level: 3 };
  const sql = await opa.getFilters("rows/allow", input, { target: "sqlite" });
  const mine = "(posts.author = 'ann' AND (+posts.author) COLLATE BINARY = 'ann')";
  assert.equal(sql.query, `WHERE (${mine} AND +posts.level <= 3)`);
  assert.deepEqual(sql.masks, { posts: { note: { replace: { value: "***" } } } });
  const renamed = { target: "postgresql", tableMappings: { posts: { $self: "p", level: "lvl" } } };
  const { query } = await opa.getFilters("rows/allow", input, renamed);
  assert.equal(query, "WHERE ((p.author = E'ann' AND to_jsonb(p.author) = to_jsonb(E'ann'::text)) AND p.lvl <= 3)");
  const targets = ["postgresql", "ucastPrisma"];
  const both = await opa.getMultipleFilters("rows/allow", input, { targets });
  assert.equal(both.ucast.query.operator, "and");
  assert.ok(both.postgresql.query.startsWith("WHERE "));
  const all = await opa.getFilters("rows/allow", { user: "root" }, { target: "sqlite" });
  assert.equal(all.query, "");
  await assert.rejects(opa.getFilters("rows/allow", {}, { target: "sqlite" }), /No result/);
  const torn = await opa.getFilters("rows/torn", input, { target: "sqlite" }).catch((error) => error);
  assert.match(JSON.stringify(torn), /pe_fragment_error/);
}

for (const scene of [decisions, batches, errors, parameters, filters]) {
  await scene();
  console.log(scene.name);
}
