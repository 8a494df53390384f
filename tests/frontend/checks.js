// What every module of checks needs.

/** A module of the page. */
export const module = (name) => import("../../playground/frontend/" + name);

export const same = (actual, expected) => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${a} is not ${b}`);
};

export const refuses = (act) => {
  try {
    act();
  } catch (error) {
    if (error instanceof RangeError) return;
  }
  throw new Error("it was not refused");
};

/** {name of a check: null, or what is wrong} */
export async function all(checks) {
  const results = {};
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      results[name] = null;
    } catch (error) {
      results[name] = String(error);
    }
  }
  return results;
}
