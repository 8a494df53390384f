// Setup of the unit tests: configuration and messages as the server serves them, and assertions.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { setConfig } from "../../playground/frontend/shared/config.js";
import { setMessages } from "../../playground/frontend/shared/messages.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SCRIPT = `
import json
from playground.i18n.translate import catalog
from playground.page.config import page_config
print(json.dumps({"config": page_config(), "messages": dict(catalog("en"))}))
`;

/** pytest names a file that it has written; without one, Python is asked. */
function readPageData() {
  const path = process.env.PAGE_DATA;
  if (path) return readFileSync(path, "utf-8");
  return execFileSync(process.env.PYTHON ?? "python3", ["-c", SCRIPT], { cwd: ROOT, encoding: "utf-8" });
}

const { config, messages } = JSON.parse(readPageData());
setConfig(config);
setMessages("en", messages);

/** Equal as JSON: keys in the same order, undefined ones left out. */
export const same = (actual, expected) => assert.equal(JSON.stringify(actual), JSON.stringify(expected));

export const throwsRangeError = (act) => assert.throws(act, RangeError);
