// localStorage, which may be denied, as to a frame of another site: then nothing is stored.

/** @param {string} key @returns {string | null} */
export function readStorage(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Returns whether it is kept: the storage may be denied, or full.
 * @param {string} key @param {string} value */
export function writeStorage(key, value) {
  try {
    localStorage.setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a storage that isn't denied. */
export function hasStorage() {
  try {
    return Boolean(localStorage);
  } catch {
    return false;
  }
}
