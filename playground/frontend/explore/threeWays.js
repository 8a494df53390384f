// Three ways from one position: the top choice each time, sampling, and beam search.

/** @import { ExploreContext, GenerateRequest, Step, Token } from "../types.js" */
/** @import { DrawTarget } from "./drawTarget.js" */
/** @import { Way, WayNode } from "./ways.js" */

import { decodeStep } from "../playback/decode.js";
import { piecesOf, textOf } from "../playback/tokens.js";
import { generate, score, searchBeams } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, createElement, find, setText } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { formatNumber, formatOneIn, translate } from "../shared/messages.js";
import { visibleText } from "../shared/text.js";
import { LabelledSlider } from "./labelledSlider.js";
import { rawBody } from "./drawTarget.js";
import { beamTokens, bitsOf, commonToAll, continued, sharedLengths, treeOf } from "./ways.js";
import { WaysTree } from "./waysTree.js";

/** @typedef {Way & { name: string }} NamedWay */

export class ThreeWays {
  #context;
  #list;
  #said;
  #button;
  #length;
  #width;
  #tree;
  /** @type {DrawTarget | null} */
  #target = null;
  /** @type {NamedWay[]} */
  #ways = [];
  #request = new LatestRequest();

  /** @param {HTMLElement} root @param {ExploreContext} context @param {(error: unknown) => void} onError */
  constructor(root, context, onError) {
    this.#context = context;
    this.#list = find(root, ".ways");
    this.#said = find(root, "[role=status]");
    this.#button = find(root, "[data-ways=write]", HTMLButtonElement);
    const { length, width } = config.sampling;
    this.#length = new LabelledSlider(find(root, "[data-dial=length]"), length, formatNumber);
    this.#width = new LabelledSlider(find(root, "[data-dial=width]"), width, formatNumber);
    this.#length.show(length.default);
    this.#width.show(width.default);
    this.#button.addEventListener("click", () => this.#write(onError));
    this.#list.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-way]");
      if (button) this.#goOn(this.#ways[Number(button.dataset.way)].steps);
    });
    this.#tree = new WaysTree(find(root, ".tree"), (path) => this.#goOn(path.map(({ step }) => step)));
  }

  /** What was written was written from elsewhere, or with other settings.
   * @param {DrawTarget | null} target */
  setTarget(target) {
    this.#request.cancel();
    this.#target = target;
    this.#ways = [];
    this.#list.replaceChildren();
    this.#tree.clear();
    setText(this.#said, "");
    this.#button.disabled = this.#room < 1;
  }

  /** So many tokens the text can still have. */
  get #room() {
    if (!this.#target) return 0;
    return config.generation.tokens_max - Math.max(0, this.#target.position - this.#context.player.trace.prompt.length);
  }

  /** @param {(error: unknown) => void} onError */
  async #write(onError) {
    const target = this.#target;
    if (!target) return;
    setText(this.#said, translate("sampling.writing"));
    try {
      const n = Math.min(this.#length.value, this.#room);
      const { author } = this.#context.player;
      const found = await this.#request.send((signal) => writeWays(target, n, this.#width.value, author, signal));
      if (!found) return;
      this.#ways = found.ways;
      this.#draw(n);
      this.#tree.show(found.tree);
    } catch (error) {
      setText(this.#said, "");
      onError(error);
    }
  }

  /** @param {number} n */
  #draw(n) {
    const three = this.#ways.map(({ steps }) => steps);
    const shared = sharedLengths(three);
    const best = Math.min(...this.#ways.map(({ bits }) => bits));
    this.#list.replaceChildren(...this.#ways.map((way, index) => createWay(way, index, shared[index], way.bits === best)));
    const common = commonToAll(three);
    setText(this.#said, common === n ? translate("sampling.all_same") : translate("sampling.common", { count: common }));
  }

  /** @param {Step[]} steps */
  #goOn(steps) {
    const { player } = this.#context;
    const position = this.#target?.position;
    if (position === undefined) return;
    this.#context.close();
    player.continueWith(continued(player.trace, position, steps));
  }
}

/** @param {DrawTarget} target @param {number} n @param {number} width
 * @param {import("../types.js").Author | undefined} by @param {AbortSignal} signal @returns {Promise<{ ways: NamedWay[], tree: WayNode[] }>} */
async function writeWays({ body, sampled, session, position }, n, width, by, signal) {
  const { session_id: id, step, context, context_ids: ids } = body;
  const [greedy, drawn, beams] = await Promise.all([
    generate({ ...rawBody(body), n }, signal),
    generate({ ...sampled, n }, signal),
    searchBeams({ session_id: id, step, context, ...(ids && { context_ids: ids }), width, n }, signal),
  ]);
  const [top, steps] = [greedy, drawn].map((answer) => answer.steps.map((one) => decodeStep(one, session, by)));
  const topLogprobs = greedy.steps.map(({ prob }) => Math.log(prob));
  const logprobs = await scoredLogprobs(body, steps);
  /** @param {import("./ways.js").WayToken} token @param {number} index @param {number | null} [prob] @returns {Step} */
  const createStep = ({ text, id: tokenId, bytes }, index, prob = null) =>
    ({ position: position + index, id: tokenId ?? session.known.get(text) ?? -1, text, ...(bytes && { bytes }), prob: null, candidates: [], other: null, knownProb: prob, by });
  const beam = beamTokens(beams.depths, 0).map((token, index) => createStep(token, index, token.prob));
  const withLogprobs = (/** @type {Step[]} */ all, /** @type {number[]} */ own) => all.map((one, index) => ({ ...one, logprob: own[index] }));
  return {
    ways: [
      { name: translate("sampling.way_top"), steps: top, bits: bitsOf(topLogprobs) },
      { name: sampleName(sampled), steps, bits: bitsOf(logprobs) },
      { name: translate("sampling.way_beam", { width: beams.beams.length }), steps: beam, bits: bitsOf([beams.beams[0].logprob]) },
    ],
    tree: treeOf(beams.depths, [withLogprobs(top, topLogprobs), withLogprobs(steps, logprobs)], createStep),
  };
}

/** The logarithm of each token's probability after a context, at temperature 1 as those of the others are.
 * @param {GenerateRequest} body @param {Token[]} written its tokens */
async function scoredLogprobs({ session_id: id, step, context, context_ids: ids }, written) {
  const text = ids ? { text: context, text_ids: [...ids, ...written.map((one) => one.id)] } : { text: context + textOf(written) };
  const { tokens } = await score({ session_id: id, step, ...text });
  return tokens.slice(-written.length).map(({ logprob }) => logprob ?? 0);
}

/** @param {GenerateRequest} sampled */
const sampleName = ({ temperature, seed }) => translate("sampling.way_sample", { temperature: formatNumber(temperature), seed });

/** @param {NamedWay} way @param {number} index @param {number} shared tokens that another one has, too @param {boolean} isBest */
function createWay({ name, steps, bits }, index, shared, isBest) {
  const way = createElement("li", "way");
  way.classList.toggle("way--best", isBest);
  const title = createElement("h4", "way__name", name);
  title.id = `way-${index}`;
  const facts = [translate("explore.bits", { bits: formatNumber(bits, 1) }), formatOneIn(bits), isBest ? translate("sampling.best") : ""];
  const text = createElement("p", "way__text");
  text.setAttribute("translate", "no");
  const pieces = piecesOf(steps);
  text.append(createElement("span", "way__shared", visibleText(pieces.slice(0, shared).join(""))), createElement("span", "way__own", visibleText(pieces.slice(shared).join(""))));
  const button = createElement("button", "button button--small", translate("branches.resume"));
  button.type = "button";
  button.id = `way-go-${index}`;
  button.dataset.way = String(index);
  button.setAttribute("aria-labelledby", `${button.id} ${title.id}`);
  way.append(title, createElement("p", "way__bits", facts.filter(Boolean).join(" · ")), text, button);
  return way;
}
