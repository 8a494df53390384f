// Load generator: visitors who play, each as the page does (frontend/playback/player.js), over real
// HTTP. A scenario comes as JSON on standard input; what was seen leaves as JSON on standard output.
//
// A visitor has a text, a seed and one kept-alive connection of their own. They ask for one character
// when they come and for a quarter of a chunk when they press Play; then for a chunk as soon as no more
// than a half to three quarters of one are known ahead. A request that takes longer than the page waits is
// given up, the server is asked for its health until it answers, and the request is made again. After
// a 503 the visitor comes back when Retry-After says, and writes more slowly if `slowsDown`.
//
// Ticks have no timers of their own, 10,000 a second would take most of a core: between two answers
// they are a matter of arithmetic.

import http from "node:http";
import { gunzip } from "node:zlib";
import { promisify } from "node:util";

/** @typedef {{ url: string, sessions: { id: string, step: number, vocabulary: string[], blockSize: number }[],
 *   visitors: number, rampMs: number, measuredMs: number, intervalMs: number, chunk: number,
 *   reserve: { low: number, high: number },
 *   tokensMax: number, timeoutMs: number, retryMs: number, slowsDown: boolean, samples: number,
 *   seed: number }} Scenario */

const GRACE_MS = 50; // a character that comes later than this was not there when it was due
const PACE_MAX = 8;
const PROMPT_MIN = 10, PROMPT_MAX = 200;
const HEADERS = {
  "accept": "*/*",
  "accept-encoding": "gzip, deflate, br, zstd",
  "accept-language": "en-US,en;q=0.9",
  "content-type": "application/json",
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "x-language": "en",
};

const unpack = promisify(gunzip);
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Uniform numbers in [0, 1) from a seed (mulberry32). @param {number} seed */
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What all visitors see together, between `from` and `to`; errors at any time. */
class Record {
  from = 0;
  to = Infinity;
  due = 0;
  there = 0;
  /** @type {number[]} */
  latencies = [];
  /** @type {number[]} */
  refusals = [];
  /** @type {Record<string, number>} */
  errors = {};
  /** @type {{ request: object, steps: object[] }[]} */
  samples = [];

  /** @param {number} at */
  isMeasured(at) {
    return at >= this.from && at < this.to;
  }

  /** A character, and how long it took after the one before. @param {number} at @param {number} gap @param {number} interval */
  wrote(at, gap, interval) {
    if (!this.isMeasured(at)) return;
    this.there += 1;
    this.due += Math.max(1, Math.ceil((gap - GRACE_MS) / interval));
  }

  /** @param {string} kind */
  failed(kind) {
    this.errors[kind] = (this.errors[kind] ?? 0) + 1;
  }
}

class Visitor {
  #scenario;
  #record;
  #random;
  #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  #session;
  #seed;
  /** The last characters of the text, those known ahead included. @type {string[]} */
  #text = [];
  #position = 0;
  #written = 0;
  #ahead = 0;
  #reserve = 0;
  #pace = 1;
  #tickAt = 0; // when the next tick is due
  #lastAt = 0; // when the last character was written

  /** @param {Scenario} scenario @param {Record} record @param {number} index */
  constructor(scenario, record, index) {
    this.#scenario = scenario;
    this.#record = record;
    this.#random = numbers(scenario.seed * 100_003 + index);
    this.#session = scenario.sessions[index % scenario.sessions.length];
    this.#seed = 0;
  }

  async visit(/** @type {number} */ delayMs) {
    await sleep(delayMs);
    while (!this.#isOver) {
      this.#begin();
      await this.#fetchSteps(1);
      this.#tickAt = performance.now();
      this.#lastAt = this.#tickAt - this.#scenario.intervalMs;
      await this.#play();
    }
    this.#agent.destroy();
  }

  get #isOver() {
    return performance.now() >= this.#record.to;
  }

  #begin() {
    const { vocabulary } = this.#session;
    const length = PROMPT_MIN + Math.floor(this.#random() * (PROMPT_MAX - PROMPT_MIN));
    this.#text = Array.from({ length }, () => vocabulary[Math.floor(this.#random() * vocabulary.length)]);
    this.#position = length;
    this.#seed = Math.floor(this.#random() * 2 ** 31);
    this.#written = this.#ahead = 0;
  }

  async #play() {
    const { chunk, tokensMax } = this.#scenario;
    while (!this.#isOver && this.#written + this.#ahead <= tokensMax) {
      if (this.#ahead > this.#reserve) {
        // The tick after which so many are left: the next request is made then.
        const ticks = this.#ahead - Math.floor(this.#reserve);
        const wait = this.#tickAt + (ticks - 1) * this.#interval;
        await sleep(Math.min(wait, this.#record.to) - performance.now());
        this.#tickUntil(performance.now());
        continue;
      }
      await this.#fetchSteps(chunk);
      this.#tickUntil(performance.now());
    }
    if (this.#isOver) this.#count(this.#record.to);
  }

  get #interval() {
    return this.#scenario.intervalMs * this.#pace;
  }

  /** Append what fell due by now. The last step that is known is not appended: it is the bars. */
  #tickUntil(/** @type {number} */ now) {
    while (this.#ahead >= 2 && this.#tickAt <= now) {
      this.#append(this.#tickAt);
      this.#tickAt += this.#interval;
    }
  }

  #append(/** @type {number} */ at) {
    this.#record.wrote(at, at - this.#lastAt, this.#scenario.intervalMs);
    this.#lastAt = at;
    this.#ahead -= 1;
    this.#written += 1;
  }

  /** What was due at the end and has not come. @param {number} end */
  #count(end) {
    const missing = Math.ceil((end - this.#lastAt - GRACE_MS) / this.#scenario.intervalMs) - 1;
    const most = Math.floor((end - this.#record.from) / this.#scenario.intervalMs);
    this.#record.due += Math.max(0, Math.min(missing, most));
  }

  /** Request steps until there are some. @param {number} n */
  async #fetchSteps(n) {
    while (!this.#isOver) {
      const body = this.#body(n);
      const steps = await this.#request(body);
      if (!steps) continue;
      const now = performance.now();
      this.#tickUntil(now); // with what was known until now
      const isLate = this.#ahead < 2 && this.#tickAt < now;
      this.#pace = Math.max(1, this.#pace / 2);
      this.#ahead += steps.length;
      const { low, high } = this.#scenario.reserve;
      this.#reserve = this.#scenario.chunk * (low + this.#random() * (high - low));
      this.#position += steps.length;
      const { blockSize } = this.#session;
      this.#text = [...this.#text, ...steps.map((/** @type {any} */ step) => step.token)].slice(-blockSize);
      if (isLate) this.#tickAt = now; // it ticks as soon as the answer is there
      const { samples, visitors } = this.#scenario;
      if (this.#record.samples.length < samples && this.#random() < samples / visitors) {
        this.#record.samples.push({ request: body, steps });
      }
      return;
    }
  }

  /** @param {number} n */
  #body(n) {
    return {
      session_id: this.#session.id, step: this.#session.step,
      context: this.#text.slice(-this.#session.blockSize).join(""), position: this.#position, n,
      temperature: 0.8, top_k: 0, top_p: 1, seed: this.#seed,
    };
  }

  /** The steps of an answer; null after a failure that was waited for. @param {object} body */
  async #request(body) {
    const began = performance.now();
    let answer;
    try {
      answer = await this.#send("POST", "/api/generate", JSON.stringify(body));
    } catch (error) {
      this.#record.failed(error instanceof Error && error.message === "timeout" ? "timeout" : "network");
      await this.#reconnect();
      return null;
    }
    const now = performance.now();
    if (answer.status === 200) {
      if (this.#record.isMeasured(began)) this.#record.latencies.push(now - began);
      return JSON.parse(answer.body).steps;
    }
    if (answer.status !== 503) {
      this.#record.failed(String(answer.status));
      await sleep(this.#scenario.retryMs);
      return null;
    }
    this.#record.failed("503");
    this.#record.refusals.push(now - began);
    if (this.#scenario.slowsDown) this.#pace = Math.min(PACE_MAX, 2 * this.#pace);
    const retryMs = 1000 * Number(answer.retryAfter) || this.#scenario.retryMs;
    await sleep(Math.min(retryMs, this.#record.to - now));
    return null;
  }

  async #reconnect() {
    while (!this.#isOver) {
      await sleep(this.#scenario.retryMs);
      try {
        await this.#send("GET", "/api/health", "");
        return;
      } catch {
        // asked again
      }
    }
  }

  /** @param {string} method @param {string} path @param {string} body
   * @returns {Promise<{ status: number | undefined, retryAfter: string | undefined, body: string }>} */
  #send(method, path, body) {
    const { url, timeoutMs } = this.#scenario;
    return new Promise((resolve, reject) => {
      const headers = body ? { ...HEADERS, "content-length": Buffer.byteLength(body) } : HEADERS;
      const request = http.request(url + path, { method, agent: this.#agent, headers }, (response) => {
        /** @type {Buffer[]} */
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", fail);
        response.on("end", async () => {
          clearTimeout(timer);
          const bytes = Buffer.concat(parts);
          const isPacked = response.headers["content-encoding"] === "gzip";
          const text = isPacked ? await unpack(bytes) : bytes;
          resolve({ status: response.statusCode, retryAfter: response.headers["retry-after"], body: text.toString() });
        });
      });
      const fail = (/** @type {Error} */ error) => {
        clearTimeout(timer);
        reject(error);
      };
      const timer = setTimeout(() => request.destroy(new Error("timeout")), timeoutMs);
      request.on("error", fail);
      request.end(body);
    });
  }
}

async function main() {
  let input = "";
  for await (const part of process.stdin) input += part;
  /** @type {Scenario} */
  const scenario = JSON.parse(input);
  const record = new Record();
  const began = performance.now();
  record.from = began + scenario.rampMs;
  record.to = record.from + scenario.measuredMs;
  await sleep(0);
  const used = process.cpuUsage();
  await Promise.all(Array.from({ length: scenario.visitors }, (_, index) =>
    new Visitor(scenario, record, index).visit((index * scenario.rampMs) / scenario.visitors)));
  const { user, system } = process.cpuUsage(used);
  const seconds = (performance.now() - began) / 1000;
  const { due, there, latencies, refusals, errors, samples } = record;
  const cpu = (user + system) / 1e6 / seconds;
  const answer = JSON.stringify({ due, there, latencies, refusals, errors, samples, cpu, seconds });
  process.stdout.write(answer, () => process.exit(0));
}

await main();
