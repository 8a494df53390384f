// Requests to the API as a command for a terminal and as a Python program: they run as they stand, in
// ASCII alone, whatever the text holds. Pure: no DOM, no network.

/** @import { GenerateRequest, Trace } from "../../types.js" */
/** @import { ReproducedToken } from "./reproduce.js" */

import { stepBody } from "../../playback/stepRequest.js";
import { textOf } from "../../playback/tokens.js";

const HEXADECIMAL = 16;
const UNIT_DIGITS = 4;
const CODE_POINT_DIGITS = 8;
const UNIT_MAX = 0xffff;

/** A part of a text: tokens that were chosen, or whose model can't be asked; or a request whose answer is
 * the tokens.
 * @typedef {string | GenerateRequest} Part */

/** What was written after a prompt: a request for each run of tokens that the API gives, and the others
 * as they are.
 * @param {Trace} trace @param {ReproducedToken[]} tokens of it @returns {Part[]} */
export function partsOf(trace, tokens) {
  /** @type {Part[]} */
  const parts = [];
  let from = 0;
  while (from < tokens.length) {
    const { writer, isPicked } = tokens[from];
    const { session, author: { step, params } } = writer;
    let end = from + 1;
    while (end < tokens.length && tokens[end].isPicked === isPicked && (!isPicked || tokens[end].writer === writer)) end += 1;
    parts.push(isPicked && session
      ? stepBody({ session, step, newest: false, params, trace, end: trace.prompt.length + from, n: end - from })
      : textOf(tokens.slice(from, end).map((token) => token.step)));
    from = end;
  }
  return parts;
}

/** curl, printing the API's answer.
 * @param {URL} url @param {object} body */
export const curlCommand = (url, body) => [
  `curl -s -w '\\n' ${shellQuote(url.href)}`,
  "-H 'Content-Type: application/json'",
  `--data-raw ${shellQuote(asciiJson(body))}`,
].join(" \\\n  ");

/** curl for each part of a text that the API writes: every answer a line.
 * @param {URL} url @param {Part[]} parts */
export const curlText = (url, parts) => parts.flatMap((part) => (typeof part === "string" ? [] : [curlCommand(url, part)])).join("\n");

/** Python that prints the next token, and its odds below.
 * @param {URL} url of the route @param {object} body */
export const pythonNext = (url, body) => `import json
from urllib.request import Request, urlopen

url = ${pythonValue(url.href)}
body = ${pythonValue(body)}
request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
with urlopen(request) as response:
    answer = json.load(response)
print(repr(answer["next_token"]))
for candidate in answer["probabilities"]:
    print(f"{candidate['prob']:8.3%}  {candidate['token']!r}")
`;

/** Python that writes a text again from its prompt, and prints it.
 * @param {URL} url of the route @param {string} prompt @param {Part[]} parts */
export function pythonText(url, prompt, parts) {
  const lines = parts.map((part) => {
    if (typeof part === "string") return `    ${pythonValue(part)},  # chosen, or its model can't be asked\n`;
    return `    ${pythonValue(part.context_ids ? part : { ...part, context: undefined })},\n`; // the program has the whole text
  });
  const isOfTokens = parts.some((part) => typeof part !== "string" && part.context_ids);
  const body = isOfTokens ? '{"context": text, **part}' : '{**part, "context": text}';
  return `import json
from urllib.request import Request, urlopen

url = ${pythonValue(url.href)}
text = ${pythonValue(prompt)}
parts = [
${lines.join("")}]
for part in parts:
    if isinstance(part, dict):
        body = json.dumps(${body}).encode()
        request = Request(url, body, {"Content-Type": "application/json"})
        with urlopen(request) as response:
            part = "".join(step["token"] for step in json.load(response)["steps"])
    text += part
print(text)
`;
}

/** @param {string} text for a POSIX shell */
const shellQuote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @param {object} value */
const asciiJson = (value) => JSON.stringify(value, null, 1).replace(/\n\s*/g, " ")
  .replace(/[^\x20-\x7e]/g, (unit) => escaped("\\u", unit.charCodeAt(0), UNIT_DIGITS));

/** A value of JSON as a Python literal.
 * @param {unknown} value @returns {string} */
function pythonValue(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return pythonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const pairs = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${pairs.map(([key, one]) => `${pythonString(key)}: ${pythonValue(one)}`).join(", ")}}`;
}

/** The escapes of JSON mean the same in Python, but for the two halves of a code point.
 * @param {string} text */
const pythonString = (text) => JSON.stringify(text).replace(/[^\x20-\x7e]/gu, (character) => {
  const code = character.codePointAt(0) ?? 0;
  return code > UNIT_MAX ? escaped("\\U", code, CODE_POINT_DIGITS) : escaped("\\u", code, UNIT_DIGITS);
});

/** @param {string} prefix @param {number} code @param {number} digits */
const escaped = (prefix, code, digits) => prefix + code.toString(HEXADECIMAL).padStart(digits, "0");
