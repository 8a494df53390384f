// The API of models from the Hub as functions.

import { API, request } from "../shared/client.js";

const HUB_MS = 15_000; // the server waits for the Hub, and says so sooner than this

export const models = async (search, signal) =>
  (await request(`models?search=${encodeURIComponent(search)}`, null, signal, { timeout_ms: HUB_MS })).models;
export const start = (repo_id) => request("loads", { repo_id });
export const follow = (load_id) => request(`loads/${load_id}`);

/** Give a load up, also as the page goes away. Nobody waits for the answer. */
export function cancel(load_id) {
  fetch(new URL(`loads/${load_id}`, API), { method: "DELETE", keepalive: true }).catch(() => {});
}
