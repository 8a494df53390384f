// Repairs the query of a link that was damaged on its way: copied out of HTML, pasted with what stood
// around it, encoded twice, marked by a mailer. Values are cleaned, never made up; a text that somebody
// wrote is left as it is. Pure. early.js has it inlined: no syntax here that is newer than ES2018.

const TEXTS = ["prompt", "written", "task", "name"];
const OTHERS = [
  "model", "revision", "step", "pick", "temperature", "top_k", "top_p", "seed", "speed", "tab", "drawer",
  "explore", "chose", "length", "ids", "v", "view", "hide", "done", "lesson", "lang", "train", "__theme",
];
const TRACKERS = "utm_\\w+|mc_[ce]id|fbclid|gclid|dclid|msclkid|yclid|igshid|mkt_tok|_hsenc|_hsmi";

const ENTITIES = /&(?:(?:amp|#0*38|#x0*26)(?:;|%3B))+/gi; // "&" as HTML has it, once or more
const SEPARATORS = new RegExp(`(?:\\?|%3F|%26)(?=(?:${[...TEXTS, ...OTHERS, TRACKERS].join("|")})=)`, "gi");
const IS_TRACKER = new RegExp(`^(?:${TRACKERS})$`, "i");

// White space and punctuation, Latin, general, CJK and full-width: none but a text ends in these.
const AROUND = "\\s.,;:!?*|~`'\"()<>[\\]{}\\\\\\u00a0\\u00ab\\u00bb\\u2000-\\u206f\\u3000-\\u303f\\ufeff\\uff01-\\uff0f\\uff1a-\\uff20";
const END = new RegExp(`[${AROUND}]+$`);
const START = /^[\s"'`<([\u00ab\u00bb\u2018-\u201f]+/;
const LINE_BREAKS = /\s*[\r\n]+\s*/g; // a mailer's, in the middle: no value but a text has one
const QUOTED_PRINTABLE = /(?:^|[?&])v=3D\d/i; // as mails are stored: "=" is "=3D"
const AFTER_VERSION = /^(\d+)[\W_][^]*$/; // the version comes last: the sentence around goes on

/** The query of a link as it was meant; idempotent.
 * @param {string} query with or without "?"; a fragment is dropped, unless `&#38;` has made it one */
export function repairQuery(query) {
  let repaired = tidy(query);
  while (isEncodedTwice(repaired)) repaired = tidy(decodeOnce(repaired));
  return repaired;
}

/** @param {string} query */
function tidy(query) {
  const [pairs] = query.replace(ENTITIES, "&").split("#");
  const plain = QUOTED_PRINTABLE.test(pairs) ? pairs.replace(/((?:^|[?&])\w+=)3D/gi, "$1") : pairs;
  return plain.replace(SEPARATORS, "&").replace(/^[?&/]+/, "").split("&").map(tidyPair).filter(Boolean).join("&");
}

/** @param {string} pair */
function tidyPair(pair) {
  const end = pair.indexOf("=");
  if (end < 0) return pair;
  const given = pair.slice(0, end), text = pair.slice(end + 1);
  const known = decode(given).replace(/\s+/g, "").toLowerCase();
  if (IS_TRACKER.test(known)) return "";
  if (TEXTS.includes(known)) return `${known}=${text}`;
  if (!OTHERS.includes(known)) return pair;
  const value = decode(text).replace(LINE_BREAKS, "");
  const bare = (known === "v" ? value.replace(AFTER_VERSION, "$1") : value).replace(START, "").replace(END, "");
  return `${known}=${bare === decode(text) ? text : encodeURIComponent(bare)}`;
}

/** Whether each escape in it is one of an escape's "%", or of the "+" that stood for a space.
 * No link of `encode` in link.js looks so.
 * @param {string} query */
function isEncodedTwice(query) {
  if (/%3D/i.test(query) && !query.includes("=")) return isDecodable(query);
  return /%25[0-9a-f]{2}/i.test(query) && !/%(?!25[0-9a-f]{2}|2B)/i.test(query) && isDecodable(decodeOnce(query));
}

/** @param {string} query */
const decodeOnce = (query) => (query.includes("=") ? query.replace(/%25|%2B/gi, decodeURIComponent) : decodeURIComponent(query));

/** @param {string} text */
function isDecodable(text) {
  try {
    return decodeURIComponent(text) !== null;
  } catch (error) {
    return !error;
  }
}

/** @param {string} text */
const decode = (text) => (isDecodable(text) ? decodeURIComponent(text.replace(/\+/g, " ")) : text);
