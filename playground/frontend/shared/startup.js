// Initialization that precedes the construction of the page's parts, in one place.

import { detectHost, host } from "../embed/host.js";
import { loadConfig } from "./config.js";
import { loadMessages, markLanguage } from "./messages.js";

/** @type {Promise<void> | null} */
let initialized = null;

/** Detect the host and load configuration and messages, once a page; every caller awaits the same. */
export function initialize() {
  return (initialized ??= load());
}

async function load() {
  detectHost(); // first: it marks the element that the styles are scoped to
  await Promise.all([loadMessages(), loadConfig()]);
  markLanguage(host.root);
}
