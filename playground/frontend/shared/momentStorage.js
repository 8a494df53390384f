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
    for (const key of otherKeys(this.#key).slice(0, 1 - ENTRIES_MAX)) sessionStorage.removeItem(key);
    if (this.#store(json) || this.#store(shorten())) return;
    try {
      sessionStorage.removeItem(this.#key); // an older one would be taken for it
    } catch {
      // Denied: there is none.
    }
    replaceState({ moment: JSON.parse(json) });
  }

  /** Returns whether there was room, or older moments have made it.
   * @param {string} json */
  #store(json) {
    const older = otherKeys(this.#key);
    for (;;) {
      try {
        sessionStorage.setItem(this.#key, json);
        return true;
      } catch {
        const oldest = older.shift();
        if (oldest === undefined) return false;
        sessionStorage.removeItem(oldest);
      }
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

/** The keys of other entries' moments, the oldest first; none where the storage is denied.
 * @param {string} own */
function otherKeys(own) {
  try {
    return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX) && key !== own).sort();
  } catch {
    return [];
  }
}
