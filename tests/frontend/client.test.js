// Checks of what a response without the API's JSON counts as.

import assert from "node:assert/strict";
import { test } from "node:test";

import "./support.js";

import { request } from "../../playground/frontend/shared/client.js";
import { getKeptSessions } from "../../playground/frontend/training/trainingApi.js";

const HTML = "<html><h1>Bad Gateway</h1></html>";
const JSON_ERROR = JSON.stringify({ error: "The Hub sent nonsense" });

/** What comes of requests that are answered so. */
async function answeredBy(answer, ask) {
  const { fetch } = globalThis;
  const { error } = console;
  globalThis.fetch = async (address) => answer(String(address));
  console.error = () => {};
  try {
    return await ask();
  } finally {
    globalThis.fetch = fetch;
    console.error = error;
  }
}

/** The error of a request that is answered so. */
const failureOf = (body, status) =>
  answeredBy(() => new Response(body, { status }), () => request("sessions").catch((failure) => failure));

test("a proxy that reaches no server is one without an answer", async () => {
  for (const status of [502, 503, 504]) {
    const { kind, message } = await failureOf(HTML, status);
    assert.equal(kind, "network");
    assert.doesNotMatch(message, /Gateway|can’t be read/);
  }
});

test("what the server itself says with such a status is told", async () => {
  const { kind, status, message } = await failureOf(JSON_ERROR, 502);
  assert.deepEqual({ kind, status, message }, { kind: "http", status: 502, message: "The Hub sent nonsense" });
});

test("any other answer that is no JSON cannot be read", async () => {
  for (const answered of [200, 500]) {
    const { kind, status, message } = await failureOf(HTML, answered);
    assert.deepEqual({ kind, status }, { kind: "http", status: answered });
    assert.match(message, /can’t be read/);
  }
});

test("a kept training that is gone hides none of the others", async () => {
  const trainings = ["live-1", "live-2"].map((id) => ({ session_id: id, kept: true, ready: true }));
  const answer = (address) => {
    if (address.includes("trainings")) return Response.json({ trainings });
    return address.endsWith("live-2") ? Response.json({ session_id: "live-2" }) : Response.json({ error: "gone" }, { status: 404 });
  };
  assert.deepEqual(await answeredBy(answer, getKeptSessions), [{ session_id: "live-2" }]);
});
