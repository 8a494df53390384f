// The Library: a card for each session, and the training steps of the chosen one.

/** @import { CheckpointRef } from "../sharing/restoration.js" */
/** @import { Session } from "../types.js" */
/** @import { StepPanel } from "./stepPanel.js" */

import { createElement, find } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { checkpointRef, sessionName, shortCommit } from "../shared/session.js";
import { formatCompact } from "../shared/text.js";

export class Library {
  #cards;
  #stepPanel;
  #onChoose;
  /** @type {Session[]} */
  #sessions = [];
  /** @type {Session | null} */
  #session = null;
  #index = 0;

  /** @param {HTMLElement} library @param {StepPanel} stepPanel
   * @param {(session: Session, step: number) => void} onChoose */
  constructor(library, stepPanel, onChoose) {
    this.#cards = find(library, ".cards");
    this.#stepPanel = stepPanel;
    this.#onChoose = onChoose;
    this.#cards.addEventListener("change", ({ target }) => this.choose(/** @type {HTMLInputElement} */ (target).value));
    new ResizeObserver(() => this.#scrollToChosen()).observe(this.#cards);
  }

  /** All sessions that have a card. */
  get sessions() {
    return this.#sessions;
  }

  /** The chosen session. */
  get session() {
    return this.#session;
  }

  /** The chosen session and training step, or null.
   * @returns {CheckpointRef | null} */
  get checkpoint() {
    if (!this.#session) return null;
    return checkpointRef(this.#session, this.#session.steps[this.#index]);
  }

  /** @param {string | undefined} sessionId */
  has(sessionId) {
    return this.#sessions.some((session) => session.session_id === sessionId);
  }

  /** @param {Session[]} sessions */
  show(sessions) {
    this.#sessions = sessions;
    this.#cards.setAttribute("aria-busy", "false");
    this.#cards.replaceChildren(...sessions.map(createCard));
  }

  /** Update the visitor's own trainings, listed between bundled models and those from the Hub.
   * @param {Session[]} own */
  showOwn(own) {
    const bySource = (/** @type {string} */ wanted) => this.#sessions.filter(({ source }) => source === wanted);
    const all = [...bySource("bundled"), ...own, ...bySource("hub")];
    if (JSON.stringify(all) === JSON.stringify(this.#sessions)) return;
    const { session_id: id, steps = [] } = this.#session ?? {};
    const step = this.#index < steps.length - 1 ? steps[this.#index] : null;
    this.show(all);
    if (id !== undefined && this.has(id)) this.choose(id, step);
    else if (all.length) this.choose(all[0].session_id);
  }

  /** Add a session, or replace that of the same id, and choose it.
   * @param {Session} session @param {boolean} focus */
  add(session, focus) {
    const index = this.#sessions.findIndex((other) => other.session_id === session.session_id);
    const card = createCard(session);
    if (this.#sessions.length === 0) this.#cards.replaceChildren(card);
    else if (index < 0) this.#cards.append(card);
    else this.#cards.children[index].replaceWith(card);
    this.#sessions.splice(index < 0 ? this.#sessions.length : index, 1, session);
    this.choose(session.session_id);
    card.scrollIntoView({ block: "nearest" });
    if (focus) find(card, "input").focus({ preventScroll: true });
  }

  /** Show an error in place of the cards, with a button to try again.
   * @param {string} text */
  showError(text) {
    const message = createElement("p", "card card--error", text);
    const retry = createElement("button", "button button--small", translate("library.try_again"));
    retry.dataset.action = "reload";
    message.append(retry);
    this.#cards.setAttribute("aria-busy", "false");
    this.#cards.replaceChildren(message);
  }

  /** @param {string} sessionId
   * @param {number | null} [step] the last one by default */
  choose(sessionId, step = null) {
    const session = this.#sessions.find((other) => other.session_id === sessionId);
    if (!session) return;
    this.#session = session;
    for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (this.#cards.querySelectorAll("input"))) {
      radio.checked = radio.value === sessionId;
    }
    this.#scrollToChosen();
    const index = step === null ? -1 : session.steps.indexOf(step);
    this.#index = this.#clamp(index < 0 ? session.steps.length - 1 : index);
    this.#update();
  }

  /** Go to a training step, as the slider did.
   * @param {number} index among the session's steps */
  moveTo(index) {
    this.#index = this.#clamp(index);
    this.#update();
  }

  /** The nearest index of a step.
   * @param {number} index */
  #clamp(index) {
    return Math.min((this.#session?.steps.length ?? 1) - 1, Math.max(0, index));
  }

  #update() {
    if (!this.#session) return;
    this.#stepPanel.draw(this.#session, this.#index);
    this.#onChoose(this.#session, this.#session.steps[this.#index]);
  }

  /** Scroll the list, not the page around it, to the chosen card. */
  #scrollToChosen() {
    const card = this.#cards.querySelector(":checked")?.closest(".card");
    if (!card) return;
    const list = this.#cards.getBoundingClientRect(), { top, bottom } = card.getBoundingClientRect();
    this.#cards.scrollTop += Math.min(0, top - list.top) || Math.max(0, bottom - list.bottom);
  }
}

/** @param {Session} session */
function createCard(session) {
  const root = createElement("div", "card");
  const body = createElement("label", "card__body");
  const radio = createElement("input", "card__radio");
  Object.assign(radio, { type: "radio", name: "session", value: session.session_id });
  const name = createElement("span", "card__name", sessionName(session));
  if (session.commit) name.append(createElement("span", "card__commit", "@" + shortCommit(session.commit)));
  body.append(radio, name, " ", createElement("span", "card__facts", describeSession(session)));
  if (session.description) body.append(" ", createElement("span", "card__description", session.description));
  if (session.cached) {
    body.append(" ", createElement("span", "card__cached", translate("library.cached")));
  }
  const open = createElement("button", "button button--small card__open", translate("library.open"));
  open.type = "button";
  open.dataset.action = "open";
  open.dataset.session = session.session_id;
  open.setAttribute("aria-description", sessionName(session));
  root.append(body, open);
  return root;
}

/** `16K params · 2,000 steps · loss 1.78 · Tiny Shakespeare`, without what is unknown.
 * @param {Session} session */
function describeSession({ params, dtype, step, val_loss: validationLoss, checkpoints, corpus }) {
  if (params === null) return translate("library.untrained");
  const loss = validationLoss ?? checkpoints.at(-1)?.train_loss;
  return [
    translate("library.params", { short: formatCompact(params) }),
    dtype === "int8" || dtype === "bfloat16" ? translate(`library.${dtype}`) : "",
    translate("library.steps", { count: step }),
    loss == null ? "" : translate("library.loss", { loss: formatNumber(loss, 2) }),
    corpus,
  ].filter(Boolean).join(" · ");
}
