// How the token at the position on screen is picked: the probabilities before and after the settings, one draw,
// many draws, and where three ways of picking lead to.

/** @import { ApiStep, ExploreContext, ExplorePanel } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { SettingName } from "../playback/settings.js" */
/** @import { DrawTarget } from "./drawTarget.js" */

import { randomSeed } from "../playback/sampling.js";
import { lastTokens, text as textOf } from "../playback/trace.js";
import { generate, repeatDraw } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, find, setText } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { formatNumber, translate } from "../shared/messages.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { formatPercent, tokenLabel, visibleText } from "../shared/text.js";
import { LabelledSlider } from "./labelledSlider.js";
import { DrawLine, formatFraction } from "./drawLine.js";
import { compareProbs } from "./draws.js";
import { ProbabilityRows } from "./probabilityRows.js";
import { drawTarget, rawBody } from "./drawTarget.js";
import { Tallies } from "./tallies.js";
import { ThreeWays } from "./threeWays.js";

const DEBOUNCE_MS = 60; // of a slider being dragged
const TAIL = 24; // tokens before the position that are shown

/** @implements {ExplorePanel} */
export class SamplingPanel {
  #element;
  #context;
  #parts;
  #rows;
  #line;
  #tallies;
  #ways;
  /** @type {Record<string, LabelledSlider>} */
  #sliders;
  /** A seed that was tried here; null: the one that the text is written with.
   * @type {number | null} */
  #seed = null;
  /** @type {DrawTarget | null} */
  #target = null;
  /** The training step that the probabilities are of.
   * @type {number | null} */
  #step = null;
  /** The probabilities before and after the settings, once they are known.
   * @type {ReturnType<typeof compareProbs> | null} */
  #known = null;
  /** The last answer without the settings, by what it depends on.
   * @type {{ key: string, step: ApiStep } | null} */
  #raw = null;
  #request = new LatestRequest();
  #draws = new LatestRequest();
  #loading = Promise.resolve();

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#element = element;
    this.#context = context;
    const part = (/** @type {string} */ name) => find(element, `[data-part=${name}]`);
    this.#parts = {
      tail: find(element, ".sampling__tail"),
      nowhere: find(element, ".sampling__nowhere"),
      failure: find(element, ".sampling__failure"),
      failureText: find(element, ".sampling__failure [role=alert]"),
      sections: find(element, ".sampling__sections"),
      line: find(element, ".draw"),
      said: find(element, ".draw__said"),
      top: find(element, ".draw__top"),
      use: find(element, "[data-sampling=use]", HTMLButtonElement),
    };
    this.#rows = new ProbabilityRows(find(part("odds"), ".odds"));
    this.#line = new DrawLine(part("draw"));
    this.#tallies = new Tallies(part("tally"), (n) => this.#repeat(n));
    this.#ways = new ThreeWays(part("ways"), context, (error) => this.#fail(error));
    this.#sliders = this.#createSliders();
    element.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement && target.type === "radio") context.setSetting("pick", target.value);
    });
    element.addEventListener("click", (event) => this.#act(closestTarget(event, "[data-sampling]")?.dataset.sampling));
  }

  /** @param {string} state the seed that was tried */
  open(state) {
    this.#seed = /^\d+$/.test(state) ? Math.min(config.link.seed_max, Number(state)) : null;
    this.#target = null;
  }

  close() {
    this.#request.cancel();
    this.#draws.cancel();
    this.#clear();
    this.#target = null;
  }

  get state() {
    return this.#seed === null ? "" : String(this.#seed);
  }

  /** @param {Player} player */
  draw(player) {
    this.#drawSettings(player);
    const target = drawTarget(player, this.#seed);
    const { nowhere, sections, tail, use } = this.#parts;
    use.hidden = this.#seed === null;
    nowhere.hidden = target !== null;
    sections.hidden = target === null;
    const before = target ? lastTokens(player.trace, TAIL, target.position).join("") : "";
    const isCut = target !== null && textOf(player.trace).slice(0, target.position).join("").length > before.length;
    setText(tail, (isCut ? "…" : "") + visibleText(before));
    if (target?.key === this.#target?.key) {
      this.#follow(player);
      return;
    }
    this.#known = null;
    this.#step = player.step;
    this.#target = target;
    this.#clear();
    this.#ways.setTarget(target);
    this.#loading = this.#load(target);
  }

  /** Show the probabilities of the step that a model has learned on to; what was drawn or written stays.
   * @param {Player} player */
  #follow({ step }) {
    if (!this.#known || step === this.#step || this.#element.getAttribute("aria-busy") === "true") return;
    this.#step = step;
    this.#raw = null;
    this.#loading = this.#load(this.#target);
  }

  #createSliders() {
    const { temperature, top_k: topK, top_p: topP } = config.controls;
    const create = (/** @type {SettingName} */ name, /** @type {typeof topK} */ range, /** @type {number} */ off) =>
      new LabelledSlider(find(this.#element, `[data-dial=${name}]`), range, (value) => (value === off ? translate("sampling.off") : formatNumber(value)), (value) => {
        if (this.#context.player.sampling.pick !== "sample") this.#context.setSetting("pick", "sample");
        this.#context.setSetting(name, value);
      });
    return {
      temperature: create("temperature", temperature, NaN),
      top_k: create("top-k", topK, 0),
      top_p: create("top-p", topP, 1),
    };
  }

  /** @param {Player} player */
  #drawSettings({ sampling }) {
    this.#sliders.temperature.show(sampling.temperature);
    this.#sliders.top_k.show(sampling.top_k);
    this.#sliders.top_p.show(sampling.top_p);
    find(this.#element, `[type=radio][value=${sampling.pick}]`, HTMLInputElement).checked = true;
  }

  #clear() {
    this.#tallies.clear();
    this.#parts.failure.hidden = true;
    setText(this.#parts.failureText, "");
  }

  /** @param {DrawTarget | null} target */
  async #load(target) {
    this.#request.cancel();
    this.#draws.cancel();
    this.#element.setAttribute("aria-busy", String(target !== null));
    if (!target) return;
    try {
      const answers = await this.#request.send((signal) => Promise.all([
        this.#requestRaw(target, signal),
        generate({ ...target.body, intervals: true }, signal),
      ]), DEBOUNCE_MS);
      if (!answers) return;
      const [raw, { steps: [drawn] }] = answers;
      this.#known = compareProbs(raw, drawn);
      this.#drawRows(this.#known);
      this.#drawLine(target, drawn);
    } catch (error) {
      this.#target = null; // requested again at the next change
      this.#fail(error);
    }
    this.#element.setAttribute("aria-busy", "false");
  }

  /** @param {DrawTarget} target @param {AbortSignal} signal */
  async #requestRaw({ body }, signal) {
    const asked = rawBody(body);
    const key = JSON.stringify(asked);
    if (this.#raw?.key === key) return this.#raw.step;
    const { steps: [step] } = await generate(asked, signal);
    this.#raw = { key, step };
    return step;
  }

  /** @param {ReturnType<typeof compareProbs>} known */
  #drawRows({ rows, other }) {
    const shown = rows.map((row) => ({ ...row, label: tokenLabel(row.text), isToken: true }));
    if (other.count) shown.push({ ...other, label: translate("drawer.others", { count: other.count }), isToken: false });
    this.#rows.draw(shown.map(({ label, isToken, raw, drawn }) => ({
      label, isToken, outlined: raw, filled: drawn, value: `${formatPercent(raw)} → ${formatPercent(drawn)}`,
    })));
  }

  /** @param {DrawTarget} target @param {ApiStep} step */
  #drawLine({ sampled, position }, step) {
    const { line, top, said } = this.#parts;
    const { u } = step;
    line.hidden = u === null;
    top.hidden = u !== null;
    if (u === null) return setText(said, "");
    this.#line.draw({ ...step, u });
    const params = { u: formatFraction(u), seed: sampled.seed, number: position + 1, token: tokenLabel(step.token) };
    return setText(said, translate("sampling.draw_said", params));
  }

  /** @param {number} n */
  async #repeat(n) {
    const target = this.#target;
    await this.#loading;
    const known = this.#known;
    if (!target || !known || target !== this.#target) return;
    try {
      const response = await this.#draws.send((signal) => repeatDraw({ ...target.body, n }, signal));
      if (response) this.#tallies.show(response, known.rows, known.other);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {string} [action] */
  #act(action) {
    const { player, setSetting } = this.#context;
    if (action === "another") {
      this.#seed = randomSeed();
      this.draw(player);
    } else if (action === "use") {
      const seed = this.#seed;
      this.#seed = null;
      setSetting("seed", seed);
      this.draw(player);
      find(this.#element, "[data-sampling=another]").focus();
    } else if (action === "retry") {
      this.#target = null;
      this.draw(player);
      this.#element.querySelector("input")?.focus();
    } else if (action === "sample") {
      setSetting("pick", "sample");
      find(this.#element, "[type=radio][value=sample]").focus();
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#context.onError(error);
    setText(this.#parts.failureText, describeError(asRequestError(error)));
    this.#parts.failure.hidden = false;
  }
}
