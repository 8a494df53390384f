// The Library: a card for each session, and the training steps of the chosen one.

import { element, shape } from "../shared/dom.js";
import { number, say } from "../shared/messages.js";
import { short } from "../shared/text.js";

const TICKS = 10; // more would run into one another

export class Library {
  #cards;
  #learning;
  #slider;
  #chosen;
  #sessions = [];
  #session = null;
  #index = 0;

  /** chosen(session, step): called when the visitor has chosen; slider: the Gradio component. */
  constructor(library, learning, slider, chosen) {
    this.#cards = library.querySelector(".cards");
    this.#learning = new Learning(learning, slider);
    this.#slider = slider;
    this.#chosen = chosen;
    this.#cards.addEventListener("change", (event) => this.choose(event.target.value));
    new ResizeObserver(() => this.#bring_into_sight()).observe(this.#cards);
  }

  /** All that have a card. */
  get sessions() {
    return this.#sessions;
  }

  get session() {
    return this.#session;
  }

  has(session_id) {
    return this.#sessions.some((session) => session.session_id === session_id);
  }

  show(sessions) {
    this.#sessions = sessions;
    this.#cards.ariaBusy = "false";
    this.#cards.replaceChildren(...sessions.map(card));
  }

  /** Show what the visitor has trained and kept as it is now, before what comes from the Hub. */
  showOwn(sessions) {
    const of = (wanted) => this.#sessions.filter(({ source }) => source === wanted);
    const all = [...of("bundled"), ...sessions, ...of("hub")];
    if (JSON.stringify(all) === JSON.stringify(this.#sessions)) return;
    const { session_id, steps } = this.#session ?? {};
    const moved_to = this.#index < steps?.length - 1 ? steps[this.#index] : null;
    this.show(all);
    if (this.has(session_id)) this.choose(session_id, moved_to);
    else if (all.length) this.choose(all[0].session_id);
  }

  /** Show one more session, and choose it; one of the same id gives way to it. */
  add(session, focus) {
    const at = this.#sessions.findIndex((other) => other.session_id === session.session_id);
    const made = card(session);
    if (this.#sessions.length === 0) this.#cards.replaceChildren(made);
    else if (at < 0) this.#cards.append(made);
    else this.#cards.children[at].replaceWith(made);
    this.#sessions.splice(at < 0 ? this.#sessions.length : at, 1, session);
    this.choose(session.session_id);
    made.scrollIntoView({ block: "nearest" });
    if (focus) made.querySelector("input").focus({ preventScroll: true });
  }

  fail(text) {
    const sentence = element("p", "card card--error", text);
    const again = element("button", "button button--small", say("library.try_again"));
    again.dataset.action = "reload";
    sentence.append(again);
    this.#cards.ariaBusy = "false";
    this.#cards.replaceChildren(sentence);
  }

  /** step: to go to; the last one, unless told. */
  choose(session_id, step = null) {
    const session = this.#sessions.find((other) => other.session_id === session_id);
    if (!session) return;
    this.#session = session;
    for (const radio of this.#cards.querySelectorAll("input")) radio.checked = radio.value === session_id;
    this.#bring_into_sight();
    const at = session.steps.indexOf(step);
    this.moveTo(at < 0 ? session.steps.length - 1 : at, true);
  }

  /** The chosen card, in its list; the page around stays where it is. */
  #bring_into_sight() {
    const card = this.#cards.querySelector(":checked")?.closest(".card");
    if (!card) return;
    const list = this.#cards.getBoundingClientRect(), { top, bottom } = card.getBoundingClientRect();
    this.#cards.scrollTop += Math.min(0, top - list.top) || Math.max(0, bottom - list.bottom);
  }

  /** Go to a training step by its index; `set`: the slider has to follow. */
  moveTo(index, set = false) {
    const { steps } = this.#session;
    this.#index = Math.min(steps.length - 1, Math.max(0, index));
    if (set) {
      // Read by the wiring in ui.py, which has the slider take it.
      const range = { __type__: "update", maximum: Math.max(1, steps.length - 1), value: this.#index };
      this.#cards.dataset.range = JSON.stringify(range);
      this.#cards.dispatchEvent(new Event("range", { bubbles: true }));
    }
    this.#learning.draw(this.#session, this.#index);
    this.#chosen(this.#session, steps[this.#index]);
  }
}

function card(session) {
  const root = element("div", "card");
  const body = element("label", "card__body");
  const radio = element("input", "card__radio");
  Object.assign(radio, { type: "radio", name: "session", value: session.session_id });
  const name = element("span", "card__name", session.repo_id ?? session.name);
  if (session.commit) name.append(element("span", "card__commit", "@" + session.commit.slice(0, 7)));
  body.append(radio, name, " ", element("span", "card__facts", facts(session)));
  if (session.description) body.append(" ", element("span", "card__description", session.description));
  if (session.cached) {
    body.append(" ", element("span", "card__cached", say("library.cached")));
  }
  const open = element("button", "button button--small card__open", say("library.open"));
  Object.assign(open, { type: "button" });
  open.dataset.action = "open";
  open.dataset.session = session.session_id;
  open.ariaDescription = session.repo_id ?? session.name;
  root.append(body, open);
  return root;
}

/** `16K params · 2,000 steps · loss 1.78 · Tiny Shakespeare`, as far as it is known. */
function facts({ params, step, val_loss, checkpoints, corpus }) {
  if (params === null) return say("library.untrained");
  const value = val_loss ?? checkpoints.at(-1)?.train_loss;
  return [
    say("library.params", { short: short(params) }),
    say("library.steps", { count: step }),
    value == null ? "" : loss(value),
    corpus,
  ].filter(Boolean).join(" · ");
}

const loss = (value) => say("library.loss", { loss: number(value, 2) });

/** What a training step means: its place on the loss curve, and in words. */
class Learning {
  #root;
  #slider;

  constructor(root, slider) {
    this.#root = root;
    this.#slider = slider;
  }

  draw(session, index) {
    const { checkpoints, vocab_size } = session;
    const entry = checkpoints[index];
    const value = entry?.val_loss ?? entry?.train_loss;
    this.#slider.hidden = this.#root.hidden = checkpoints.length < 2;
    if (!entry) return;
    this.#slider.querySelector("input[type=range]")?.setAttribute("aria-valuetext", say("library.at_step", { step: entry.step }));
    const every = Math.ceil(checkpoints.length / TICKS);
    this.#find(".ticks").replaceChildren(...checkpoints.map(({ step }, at) =>
      element("li", at === index ? "tick tick--now" : "tick", at % every ? "" : String(step))));
    this.#find(".learning__now").replaceChildren(
      element("strong", "", say("library.step", { step: entry.step })),
      ` · ${say("library.read", { count: entry.tokens })}`,
      value == null ? "" : ` · ${loss(value)}`,
    );
    this.#find(".learning__meaning").textContent = meaning(entry, value, vocab_size);
    draw_curve(this.#find(".curve"), checkpoints.map((c) => c.val_loss ?? c.train_loss), index, vocab_size);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

/** A loss in words: e^loss is how many equally likely characters would be as hard to guess. */
function meaning({ step }, value, vocab_size) {
  if (step === 0) return say("library.guessing", { size: vocab_size });
  if (value == null) return "";
  return say("library.meaning", { choices: number(Math.exp(value), 1) });
}

/** Losses over the steps, evenly spaced as on the slider; guessing is the dashed line on top. */
function draw_curve(svg, losses, now, vocab_size) {
  const guessing = Math.log(vocab_size);
  const values = losses.map((value, index) => value ?? (index === 0 ? guessing : null));
  const low = Math.min(guessing, ...values.filter((value) => value !== null));
  const x = (index) => (100 * index) / Math.max(1, values.length - 1);
  const y = (value) => 100 * Math.min(1, Math.max(0, (guessing - value) / (guessing - low || 1)));
  const points = values.flatMap((value, index) => (value === null ? [] : [[x(index), y(value), index]]));
  // Dots are lines without a length: their round ends stay round however the drawing is stretched.
  const dot = ([cx, cy, index]) =>
    shape("path", { class: index === now ? "curve__now" : "curve__point", d: `M${cx} ${cy}h0` });
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.replaceChildren(
    shape("path", { class: "curve__guess", d: "M0 0H100" }),
    shape("polyline", { class: "curve__line", points: points.map(([cx, cy]) => [cx, cy]).join(" ") }),
    ...points.map(dot),
  );
}
