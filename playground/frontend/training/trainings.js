// The API of live training as functions, and who this visitor is to it.

import { API, request, session } from "../shared/client.js";

const SLOW_MS = 60_000; // a text may have to travel, or come from the Hub first
const MEMORY = "token-playground.visitor";

const at = (session_id, what = "") => `trainings/${encodeURIComponent(session_id)}${what}`;
const slow = (path, body) => request(path, body, undefined, { timeout_ms: SLOW_MS });

export const form = () => request("corpora");
export const start = (body) => slow("trainings", { visitor, ...body });
export const own = async () => (await request(`trainings?visitor=${visitor}`)).trainings;
export const follow = (session_id, since) => request(at(session_id, `?since=${since}`));
export const steer = (session_id, how) => request(at(session_id, `/${how}`), undefined, undefined, { method: "POST" });
export const setSpeed = (session_id, steps_per_second) => request(at(session_id, "/speed"), { steps_per_second });
export const rename = (session_id, name) => request(at(session_id, "/name"), { name });
export const remove = (session_id) => request(at(session_id), undefined, undefined, { method: "DELETE" });
export const read = (file) => slow(`corpora/text?filename=${encodeURIComponent(file.name)}`, file);
export const upload = (file) => slow(`trainings/upload?visitor=${visitor}`, file);
export const download = (session_id) => new URL(at(session_id, "/download"), API).href;

/** The sessions of the trainings that this visitor has kept under a name. */
export async function kept() {
  const named = (await own()).filter(({ kept, ready }) => kept && ready);
  return Promise.all(named.map(({ session_id }) => session(session_id)));
}

const visitor = known() ?? remember(crypto.getRandomValues(new Uint8Array(16)));

// Where there is no storage, the visitor is a new one after each reload; a link still leads back.
function known() {
  try {
    const id = localStorage.getItem(MEMORY);
    return /^[A-Za-z0-9_-]{16,64}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}

function remember(bytes) {
  const id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    localStorage.setItem(MEMORY, id);
  } catch {
    // As above.
  }
  return id;
}
