// HTTP client of the API for models from the Hub.

/** @import { Load, PublishedModel } from "../types.js" */

import { API, request } from "../shared/client.js";
import { config } from "../shared/config.js";

/** @param {string} search @param {AbortSignal} signal @returns {Promise<PublishedModel[]>} */
export async function listModels(search, signal) {
  const path = `models?search=${encodeURIComponent(search)}`;
  return (await request(path, null, { signal, timeoutMs: config.requests.hub_timeout_ms })).models;
}

/** @param {string} repoId @returns {Promise<Load>} */
export const startLoad = (repoId) => request("loads", { repo_id: repoId });

/** @param {string} loadId @returns {Promise<Load>} */
export const getLoad = (loadId) => request(`loads/${loadId}`);

/** Cancel a load, also while the page is being left; the response is not awaited.
 * @param {string} loadId */
export function cancelLoad(loadId) {
  fetch(new URL(`loads/${loadId}`, API), { method: "DELETE", keepalive: true }).catch(() => {});
}
