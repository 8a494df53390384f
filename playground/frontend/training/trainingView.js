// The view of a training: state, numbers, charts, samples, and the training step to play with.

/** @import { Evaluation, Merge, TrainingStatus } from "../types.js" */
/** @import { TrainingHistory } from "./trainingHistory.js" */

import { drawChart } from "../shared/chart.js";
import { createElement, drawSliderTrack, find, setText } from "../shared/dom.js";
import { formatNumber, formatSignificant, translate } from "../shared/messages.js";
import { Merges } from "./merges.js";
import { Samples } from "./samples.js";
import { describeState, explainLoss, formatDuration, hasEnded, isActive, keptSteps } from "./trainingHistory.js";

const CLEARANCE = 0.08; // of the chart, below the lowest line
const HEADROOM = 1.06;
const GRID_PER_UNIT = 4; // the axis begins at a quarter
const LOSS_MAX = 4; // upper end of the axis without baselines or losses
const RATE_WITHOUT_DECIMALS = 10;
const UNKNOWN = "–";

export class TrainingView {
  #root;
  /** @type {TrainingHistory | null} */
  #history = null;
  #samples;
  #merges;
  /** The training step that the visitor moved to; null: the newest.
   * @type {number | null} */
  #pinned = null;
  /** @type {number[]} */
  #steps = [];
  #onMove;

  /** @param {HTMLElement} root @param {() => void} onMove called when the visitor moved to another step */
  constructor(root, onMove) {
    this.#root = root;
    this.#onMove = onMove;
    this.#samples = new Samples(find(root, ".samples"));
    this.#merges = new Merges(find(root, ".run__merges"));
    this.#stepSlider.addEventListener("input", () => this.moveTo(Number(this.#stepSlider.value)));
    new ResizeObserver(() => this.#history?.now && this.#drawCharts(this.#history, this.#history.now)).observe(this.#find(".run"));
  }

  reset() {
    this.#history = this.#pinned = null;
    this.#samples.reset();
    this.#merges.reset();
  }

  /** @param {Merge[]} merges of the word pieces @param {boolean} grows whether they come one after the other */
  showMerges(merges, grows) {
    this.#merges.show(merges, grows);
  }

  /** @param {TrainingHistory} history @param {boolean} isConnected whether the last request succeeded */
  draw(history, isConnected) {
    this.#history = history;
    const { now } = history;
    if (!now) return;
    this.#drawHead(now);
    this.#drawButtons(now);
    this.#drawState(now, isConnected);
    this.#drawFacts(history, now);
    this.#drawCharts(history, now);
    this.#samples.draw(history.evaluations, hasEnded(now));
    this.#drawSteps(now);
    this.#find(".run__keep").hidden = !now.ready;
  }

  get isNewest() {
    return this.#pinned === null;
  }

  /** The training steps that can be played with. */
  get steps() {
    return this.#steps;
  }

  /** The training step to play with: the one moved to, or the newest. */
  get step() {
    const pinned = this.#pinned;
    if (pinned === null) return this.#steps.at(-1);
    return [...this.#steps].reverse().find((step) => step <= pinned) ?? this.#steps[0];
  }

  /** @param {TrainingStatus} now */
  #drawHead({ name, corpus, preset, params, block_size: blockSize, seed, tokenizer }) {
    setText(this.#find(".run-head__name"), name);
    const facts = [
      preset && translate(`learn.preset_${preset}`),
      params !== null && translate("learn.params", { count: params }),
      blockSize !== null && translate(tokenizer === "bpe" ? "learn.sees_pieces" : "learn.sees", { count: blockSize }),
      seed !== null && translate("learn.seed", { seed }),
    ];
    setText(this.#find(".run-head__what"), facts.filter(Boolean).join(" · ") || corpus || "");
    const field = find(this.#root, "#run-name", HTMLInputElement);
    if (document.activeElement !== field && field.dataset.of !== name) {
      field.value = field.dataset.of = name;
    }
  }

  /** @param {TrainingStatus} now */
  #drawButtons(now) {
    const { state, can_resume: canResume } = now;
    const focused = document.activeElement;
    const possible = {
      pause: isActive(now) && !canResume,
      resume: canResume,
      step: canResume,
      stop: isActive(now) || state === "paused",
    };
    const isOver = hasEnded(now);
    // Pause and Resume share a place; commands that an ended training no longer takes are hidden.
    const isHidden = { pause: isOver || canResume, resume: !canResume, step: isOver && !possible.step, stop: isOver && !possible.stop };
    this.#button("new").hidden = !isOver;
    this.#find(".learn-bar__speed").hidden = isOver && !canResume;
    for (const name of /** @type {(keyof typeof possible)[]} */ (Object.keys(possible))) {
      this.#button(name).hidden = isHidden[name];
      this.#button(name).disabled = !possible[name];
    }
    const pause = this.#button("pause"), resume = this.#button("resume");
    if (focused === pause && pause.hidden) resume.focus();
    if (focused === resume && resume.hidden) pause.focus();
  }

  /** @param {TrainingStatus} now @param {boolean} isConnected */
  #drawState(now, isConnected) {
    const { state, step, steps } = now;
    setText(this.#find(".run__sentence"), isConnected ? describeState(now) : translate("learn.unconnected"));
    // A screen reader is notified of each state, not of each step.
    const news = this.#find(".run__news");
    if (news.dataset.of !== state) {
      news.dataset.of = state;
      setText(news, describeState(now));
    }
    /** @type {Record<string, string>} */
    const tones = { done: "done", failed: "warning", stopped: "warning" };
    this.#find(".run__standing").dataset.tone = isConnected ? tones[state] ?? "" : "warning";
    find(this.#root, ".run__progress", HTMLProgressElement).value = step / Math.max(1, steps);
  }

  /** @param {TrainingHistory} history @param {TrainingStatus} now */
  #drawFacts({ losses, latest }, { steps_per_second: measured, speed, tokens, learning_rate: learningRate, seconds_left: left, state }) {
    const isTraining = state === "training";
    const rate = isTraining && measured !== null ? Math.min(measured, speed ?? Infinity) : null;
    const loss = latest?.val_loss ?? losses.at(-1)?.loss;
    const facts = {
      loss: loss === undefined ? UNKNOWN : formatNumber(loss, 2),
      rate: rate === null ? UNKNOWN : formatRate(rate),
      tokens: formatNumber(tokens),
      "learning-rate": learningRate === null ? UNKNOWN : formatSignificant(learningRate, 2),
      left: isTraining && left !== null ? formatDuration(left) : UNKNOWN,
    };
    for (const [name, value] of Object.entries(facts)) setText(this.#find(`[data-fact=${name}]`), value);
  }

  /** @param {TrainingHistory} history @param {TrainingStatus} now */
  #drawCharts({ losses, evaluations, latest }, { landmarks: baselines, steps }) {
    const svg = find(this.#root, ".plot--loss", SVGElement);
    const values = [...losses.map(({ loss }) => loss), ...evaluations.map(({ val_loss: loss }) => loss)];
    const top = baselines ? baselines.uniform : Math.max(LOSS_MAX, ...values);
    const low = Math.min(baselines?.pairs ?? (values.length ? top : 0), ...values);
    drawChart(svg, {
      ...sizeOf(svg),
      steps,
      low: Math.max(0, Math.floor(GRID_PER_UNIT * (low - CLEARANCE * top)) / GRID_PER_UNIT),
      high: HEADROOM * top,
      format: (value) => (Number.isInteger(value) ? String(value) : formatNumber(value, 1)),
      levels: baselines ? [
        { label: translate("learn.level_uniform"), value: baselines.uniform },
        { label: translate("learn.level_letters"), value: baselines.letters },
        { label: translate("learn.level_pairs"), value: baselines.pairs },
      ] : [],
      lines: [
        { name: "train", points: losses.map(({ step, loss }) => [step, loss]) },
        { name: "val", points: evaluations.map(({ step, val_loss: loss }) => [step, loss]), dots: true },
      ],
    });
    svg.setAttribute("aria-label", latest
      ? translate("learn.plot", { loss: formatNumber(latest.val_loss, 2), step: latest.step })
      : translate("learn.plot_empty"));
    setText(this.#find(".run__meaning"), explainLoss(latest?.val_loss, baselines, latest?.accuracy != null));
    this.#drawArithmetic(evaluations.filter(({ accuracy }) => accuracy !== null), steps);
  }

  /** Accuracy and answers of a model of arithmetic.
   * @param {Evaluation[]} evaluations those with an accuracy @param {number} steps */
  #drawArithmetic(evaluations, steps) {
    this.#find(".run__sums").hidden = evaluations.length === 0;
    const latest = evaluations.at(-1);
    if (!latest) return;
    const svg = find(this.#root, ".plot--sums", SVGElement);
    drawChart(svg, {
      ...sizeOf(svg),
      steps,
      low: 0,
      high: 1,
      format: formatShare,
      lines: [{ name: "val", points: evaluations.map(({ step, accuracy }) => [step, accuracy ?? 0]), dots: true }],
    });
    svg.setAttribute("aria-label", translate("learn.solved", { step: latest.step, share: formatShare(latest.accuracy ?? 0) }));
    const list = this.#find(".answers");
    if (list.dataset.of === String(latest.step)) return;
    list.dataset.of = String(latest.step);
    list.replaceChildren(...latest.answers.map(createAnswer));
  }

  /** @param {TrainingStatus} now */
  #drawSteps({ checkpoints, state, ready }) {
    this.#steps = ready ? keptSteps(checkpoints) : [];
    this.#find(".run__steps").hidden = this.#steps.length < 2;
    const { step = 0 } = this;
    const index = this.#steps.indexOf(step);
    const slider = this.#stepSlider;
    slider.max = String(Math.max(1, this.#steps.length - 1));
    slider.value = String(index);
    drawSliderTrack(slider);
    slider.setAttribute("aria-valuetext", translate("learn.at_step", { step }));
    const newest = hasEnded({ state }) ? "learn.uses_last" : "learn.uses_newest";
    const key = index === this.#steps.length - 1 ? newest : "learn.uses_then";
    setText(this.#find(".run__steps-now"), translate(key, { step }));
    const ticks = this.#find(".ticks");
    const drawn = `${this.#steps} ${index}`;
    if (ticks.dataset.of === drawn) return;
    ticks.dataset.of = drawn;
    ticks.replaceChildren(...this.#steps.map((one, at) =>
      createElement("li", at === index ? "tick tick--now" : "tick", String(one))));
  }

  /** Play with another training step.
   * @param {number} index among `steps` */
  moveTo(index) {
    this.#pinned = index >= this.#steps.length - 1 ? null : this.#steps[index];
    if (this.#history?.now) this.#drawSteps(this.#history.now);
    this.#onMove();
  }

  get #stepSlider() {
    return find(this.#root, "#live-step", HTMLInputElement);
  }

  /** @param {string} name */
  #button(name) {
    return find(this.#root, `.learn-bar [data-learn=${name}]`, HTMLButtonElement);
  }

  /** @param {string} selector */
  #find(selector) {
    return find(this.#root, selector);
  }
}

/** @param {Evaluation["answers"][number]} answer */
function createAnswer({ question, answer, said }) {
  const isRight = said === answer;
  const item = createElement("li", isRight ? "answer answer--right" : "answer");
  const given = createElement("strong", "", said.trim() || translate("learn.no_answer"));
  item.append(createElement("span", "", question), given, isRight ? " ✓" : " ✗");
  return item;
}

/** @param {number} rate */
const formatRate = (rate) => (rate < RATE_WITHOUT_DECIMALS ? formatNumber(rate, 1) : formatNumber(Math.round(rate)));

/** @param {number} value 0 to 1 */
const formatShare = (value) => translate("text.percent", { value: Math.round(100 * value) });

/** @param {SVGElement} svg */
function sizeOf(svg) {
  const { width, height } = svg.getBoundingClientRect();
  return { width: Math.max(1, width), height: Math.max(1, height) };
}
