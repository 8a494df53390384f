// What is seen of a training: where it stands, its plots, and what it has written so far.

import { plot } from "./chart.js";
import { element, write } from "../shared/dom.js";
import { language, number, say } from "../shared/messages.js";
import { duration, has_ended, is_active, meaning, offered, standing } from "./record.js";

const CLEARANCE = 0.08; // of the plot, below the lowest line

export class TrainingView {
  #root;
  #record = null;
  #samples = new Map(); // step → {element, about}
  #pinned = null; // a training step that was moved to; null: the newest
  #steps = [];
  #moved;

  /** moved(step): the visitor went to another training step; null: to the newest. */
  constructor(root, moved) {
    this.#root = root;
    this.#moved = moved;
    this.#find("#live-step").addEventListener("input", (event) => this.#move(Number(event.target.value)));
    new ResizeObserver(() => this.#record && this.#draw_plots()).observe(this.#find(".run"));
  }

  reset() {
    this.#record = this.#pinned = null;
    this.#samples.clear();
    this.#find(".samples").replaceChildren();
  }

  draw(record, connected) {
    this.#record = record;
    const { now } = record;
    this.#draw_head(now);
    this.#draw_buttons(now);
    this.#draw_standing(now, connected);
    this.#draw_facts(record);
    this.#draw_plots();
    this.#draw_samples(record.evaluations, has_ended(now));
    this.#draw_steps(now);
    const { ready } = now;
    this.#find(".run__keep").hidden = !ready;
  }

  get is_newest() {
    return this.#pinned === null;
  }

  /** The training step to play with: where the visitor went, or the newest. */
  get step() {
    if (this.#pinned === null) return this.#steps.at(-1);
    return this.#steps.findLast((step) => step <= this.#pinned) ?? this.#steps[0];
  }

  #draw_head({ name, corpus, preset, params, block_size, seed }) {
    write(this.#find(".run-head__name"), name);
    const facts = [
      preset && say(`learn.preset_${preset}`),
      params !== null && say("learn.params", { count: params }),
      block_size !== null && say("learn.sees", { count: block_size }),
      seed !== null && say("learn.seed", { seed }),
    ];
    write(this.#find(".run-head__what"), facts.filter(Boolean).join(" · ") || corpus || "");
    const field = this.#find("#run-name");
    if (document.activeElement !== field && field.dataset.of !== name) {
      field.value = field.dataset.of = name;
    }
  }

  #draw_buttons(now) {
    const { state, can_resume } = now;
    const focused = document.activeElement;
    const can = {
      pause: is_active(now) && !can_resume,
      resume: can_resume,
      step: can_resume,
      stop: is_active(now) || state === "paused",
    };
    const over = has_ended(now);
    this.#button("new").hidden = !over;
    this.#find(".learn-bar__speed").hidden = over && !can_resume;
    for (const [name, possible] of Object.entries(can)) {
      const button = this.#button(name);
      // Pause and Resume share a place; what an ended training cannot do any more is gone.
      button.hidden = name === "pause" ? over || can_resume : name === "resume" ? !can_resume : over && !possible;
      button.disabled = !possible;
    }
    if (focused === this.#button("pause") && focused.hidden) this.#button("resume").focus();
    if (focused === this.#button("resume") && focused.hidden) this.#button("pause").focus();
  }

  #draw_standing(now, connected) {
    const { state, step, steps } = now;
    write(this.#find(".run__sentence"), connected ? standing(now) : say("learn.unconnected"));
    // A screen reader is told of what happens, not of every step.
    const news = this.#find(".run__news");
    if (news.dataset.of !== state) {
      news.dataset.of = state;
      write(news, standing(now));
    }
    const tone = { done: "done", failed: "warning", stopped: "warning" }[state] ?? "";
    this.#find(".run__standing").dataset.tone = connected ? tone : "warning";
    this.#find(".run__progress").value = step / Math.max(1, steps);
  }

  #draw_facts({ now, losses, latest }) {
    const { steps_per_second, speed, tokens, learning_rate, seconds_left, state } = now;
    const rate = state === "training" && steps_per_second !== null ? Math.min(steps_per_second, speed ?? Infinity) : null;
    const facts = {
      loss: latest ? number(latest.val_loss, 2) : losses.length ? number(losses.at(-1).loss, 2) : "–",
      rate: rate === null ? "–" : rate < 10 ? number(rate, 1) : number(Math.round(rate)),
      tokens: number(tokens),
      "learning-rate": learning_rate === null ? "–" : learning_rate.toLocaleString(language, { maximumSignificantDigits: 2 }),
      left: state === "training" && seconds_left !== null ? duration(seconds_left) : "–",
    };
    for (const [name, value] of Object.entries(facts)) write(this.#find(`[data-fact=${name}]`), value);
  }

  #draw_plots() {
    const { now, losses, evaluations, latest } = this.#record;
    const { landmarks, steps } = now;
    const svg = this.#find(".plot--loss");
    const values = [...losses.map(({ loss }) => loss), ...evaluations.map(({ val_loss }) => val_loss)];
    const top = landmarks ? landmarks.uniform : Math.max(4, ...values);
    const low = Math.min(landmarks?.pairs ?? (values.length ? top : 0), ...values);
    plot(svg, {
      ...size(svg),
      steps,
      low: Math.max(0, Math.floor(4 * (low - CLEARANCE * top)) / 4),
      high: 1.06 * top,
      format: (value) => (Number.isInteger(value) ? String(value) : number(value, 1)),
      levels: landmarks ? [
        { label: say("learn.level_uniform"), value: landmarks.uniform },
        { label: say("learn.level_letters"), value: landmarks.letters },
        { label: say("learn.level_pairs"), value: landmarks.pairs },
      ] : [],
      lines: [
        { name: "train", points: losses.map(({ step, loss }) => [step, loss]) },
        { name: "val", points: evaluations.map(({ step, val_loss }) => [step, val_loss]), dots: true },
      ],
    });
    svg.ariaLabel = latest
      ? say("learn.plot", { loss: number(latest.val_loss, 2), step: latest.step })
      : say("learn.plot_empty");
    write(this.#find(".run__meaning"), meaning(latest?.val_loss, landmarks, latest?.accuracy != null));
    this.#draw_sums(evaluations.filter(({ accuracy }) => accuracy !== null), steps);
  }

  #draw_sums(evaluations, steps) {
    this.#find(".run__sums").hidden = evaluations.length === 0;
    const latest = evaluations.at(-1);
    if (!latest) return;
    const svg = this.#find(".plot--sums");
    plot(svg, {
      ...size(svg),
      steps,
      low: 0,
      high: 1,
      format: share,
      lines: [{ name: "val", points: evaluations.map(({ step, accuracy }) => [step, accuracy]), dots: true }],
    });
    svg.ariaLabel = say("learn.solved", { step: latest.step, share: share(latest.accuracy) });
    const list = this.#find(".answers");
    if (list.dataset.of === String(latest.step)) return;
    list.dataset.of = latest.step;
    list.replaceChildren(...latest.answers.map(({ question, answer, said }) => {
      const right = said === answer;
      const item = element("li", right ? "answer answer--right" : "answer");
      item.append(element("span", "", question), element("strong", "", said.trim() || say("learn.no_answer")), right ? " ✓" : " ✗");
      return item;
    }));
  }

  #draw_samples(evaluations, over) {
    const list = this.#find(".samples");
    list.dataset.empty = say(over ? "learn.samples_none" : "learn.samples_empty"); // said by learn.css
    const shown = evaluations.filter(({ sampled }) => sampled);
    const steps = new Set(shown.map(({ step }) => step));
    for (const [step, { element }] of this.#samples) {
      if (steps.has(step)) continue;
      element.remove(); // it has gone back, and comes this way again
      this.#samples.delete(step);
    }
    for (const about of shown) {
      const known = this.#samples.get(about.step);
      if (known?.sampled === about.sampled) continue;
      known?.element.remove();
      const made = sample(about);
      this.#samples.set(about.step, { element: made, sampled: about.sampled });
      const below = [...list.children].find((other) => Number(other.dataset.step) < about.step);
      // Who reads an older one is not to have it pushed away.
      const { scrollTop, scrollHeight } = list;
      list.insertBefore(made, below ?? null);
      if (scrollTop > 0) list.scrollTop = scrollTop + list.scrollHeight - scrollHeight;
    }
  }

  #draw_steps({ checkpoints, state, ready }) {
    this.#steps = ready ? offered(checkpoints) : [];
    this.#find(".run__steps").hidden = this.#steps.length < 2;
    const at = this.#steps.indexOf(this.step);
    const slider = this.#find("#live-step");
    slider.max = Math.max(1, this.#steps.length - 1);
    slider.value = at;
    slider.style.setProperty("--range_progress", `${(100 * at) / slider.max}%`);
    slider.setAttribute("aria-valuetext", say("learn.at_step", { step: this.step }));
    const newest = has_ended({ state }) ? "learn.uses_last" : "learn.uses_newest";
    const uses = at === this.#steps.length - 1 ? newest : "learn.uses_then";
    write(this.#find(".run__steps-now"), say(uses, { step: this.step ?? 0 }));
    const key = `${this.#steps} ${at}`;
    const ticks = this.#find(".ticks");
    if (ticks.dataset.of === key) return;
    ticks.dataset.of = key;
    ticks.replaceChildren(...this.#steps.map((step, index) =>
      element("li", index === at ? "tick tick--now" : "tick", String(step))));
  }

  #move(index) {
    this.#pinned = index >= this.#steps.length - 1 ? null : this.#steps[index];
    this.#draw_steps(this.#record.now);
    this.#moved();
  }

  #button(name) {
    return this.#find(`.learn-bar [data-learn=${name}]`);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

function sample({ step, val_loss, prompt, sampled }) {
  const item = element("li", "sample");
  item.dataset.step = step;
  const text = element("p", "sample__text");
  text.dir = "auto";
  text.append(element("span", "sample__given", prompt), sampled);
  const head = element("p", "sample__step", say("learn.sample_step", { step }));
  head.append(element("span", "sample__loss", ` · ${say("learn.sample_loss", { loss: number(val_loss, 2) })}`));
  item.append(head, text);
  return item;
}

const share = (value) => say("text.percent", { value: Math.round(100 * value) });

function size(svg) {
  const { width, height } = svg.getBoundingClientRect();
  return { width: Math.max(1, width), height: Math.max(1, height) };
}
