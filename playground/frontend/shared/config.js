// Limits, defaults and ranges whose home is the server: GET /page/config.json.

/** @import { Config } from "../types.js" */

/** Empty until `loadConfig` has resolved.
 * @type {Config} */
export const config = /** @type {any} */ ({});

/** Fetch the configuration; resolves once `config` holds it. */
export async function loadConfig() {
  const response = await fetch(new URL("../config.json", import.meta.url));
  setConfig(await response.json());
}

/** @param {Config} values */
export function setConfig(values) {
  Object.assign(config, values);
}
