// Where the moment of this page is kept: in the session's storage under the key that the entry of the
// browser's history holds, so that reload, Back and Forward each find their own. A frame that is
// denied the storage keeps it in the entry itself.

const PREFIX = "token-playground.moment.";
const ENTRIES_MAX = 10; // of one window; the oldest are dropped

export class MomentStorage {
  #key = keyOfEntry();

  /** The moment of this entry of the browser's history, or null. */
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key) ?? "null") ?? history.state?.moment ?? null;
    } catch {
      return history.state?.moment ?? null; // denied
    }
  }

  /** @param {string} json @param {() => string} shorten what is kept where there is too little room */
  write(json, shorten) {
    try {
      try {
        sessionStorage.setItem(this.#key, json);
      } catch {
        sessionStorage.setItem(this.#key, shorten());
      }
      dropOldest(this.#key);
    } catch {
      replaceState({ moment: JSON.parse(json) });
    }
  }
}

function keyOfEntry() {
  const known = history.state?.momentKey;
  if (known) return known;
  const key = PREFIX + Date.now() + "." + Math.random().toString().slice(2);
  replaceState({ momentKey: key });
  return key;
}

/** @param {Record<string, unknown>} changes */
function replaceState(changes) {
  try {
    history.replaceState({ ...history.state, ...changes }, "");
  } catch {
    // Too large, or too often: a reload then shows what was kept before.
  }
}

/** @param {string} own */
function dropOldest(own) {
  const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX) && key !== own).sort();
  for (const key of keys.slice(0, Math.max(0, keys.length + 1 - ENTRIES_MAX))) sessionStorage.removeItem(key);
}
