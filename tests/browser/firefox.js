// Drives a Firefox for engines.py. A command is a line on stdin, its name and arguments as a JSON array;
// its answer a line on stdout: {"value": …} or {"error": "…"}. Ends when stdin does.

import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const [executablePath, width, height] = process.argv.slice(2);
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  headless: true,
  defaultViewport: { width: Number(width), height: Number(height) },
  extraPrefsFirefox: { "intl.accept_languages": "en-US" },
});
let page = null;
let problems = [];

/** In a new page: what the one before says while it closes is no problem of this one.
 * @param {string} address */
async function open(address) {
  await page?.close();
  page = await browser.newPage();
  const found = (problems = []);
  page.on("pageerror", (error) => found.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.push(message.text()));
  await page.goto(address);
}

const commands = {
  open,
  evaluate: (script) => page.evaluate(script),
  click: (selector) => page.click(selector),
  press: (key) => page.keyboard.press(key),
  problems: () => problems,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](...given)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
