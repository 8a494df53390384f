// The tab "Watch it learn": starts, polls and controls a training, and gives its session to the drawer.

/** @import { ActionDetail, TrainingStatus } from "../types.js" */

import { config } from "../shared/config.js";
import { closestTarget, find, isVisible } from "../shared/dom.js";
import { dispatchAction } from "../shared/gradioPatches.js";
import { translate, translateMarkup } from "../shared/messages.js";
import { apiMessage, asRequestError, NOT_FOUND } from "../shared/requestError.js";
import { initialize } from "../shared/startup.js";
import { toast } from "../shared/toast.js";
import { SpeedSlider } from "./speedSlider.js";
import * as trainingApi from "./trainingApi.js";
import { TrainingForm } from "./trainingForm.js";
import { hasEnded, isActive, TrainingHistory } from "./trainingHistory.js";
import { createEntry } from "./trainingList.js";
import { TrainingView } from "./trainingView.js";

export const TAB = "learn";
const LINK_PARAMETER = "train"; // of the page's address: ?train=live-…
const CONFIRM_MS = 4000;
const FAILURES_MAX = 3; // from here on the view says that there is no connection
const CONFLICT = 409;
const COMMANDS = ["pause", "resume", "step", "stop"];

/** The id of the training in the page's address, or null. */
export const linkedTraining = () => new URLSearchParams(location.search).get(LINK_PARAMETER);

/** Mount the tab in its component; Gradio does so when the tab is first shown.
 * @param {HTMLElement} element */
export async function mount(element) {
  await initialize();
  const root = /** @type {HTMLElement | null} */ (element.querySelector(".learn"));
  if (root && !root.dataset.mounted) {
    root.dataset.mounted = "true";
    translateMarkup(root);
    new LearnTab(root).begin();
  }
}

class LearnTab {
  #root;
  #form;
  #view;
  #speed;
  /** Of the training that is shown.
   * @type {TrainingHistory | null} */
  #history = null;
  /** @type {string | null} */
  #sessionId = null;
  /** The detail that was last dispatched to the drawer, as JSON. */
  #dispatched = "";
  #timer = 0;
  #round = 0; // responses to an earlier request are discarded
  #failures = 0;
  #mergesShown = 0;
  /** @type {number | null} */
  #hiddenSince = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#form = new TrainingForm(find(root, "#learn-form", HTMLFormElement));
    this.#view = new TrainingView(root, () => this.#updateDrawer());
    this.#speed = new SpeedSlider(find(root, ".learn-bar__speed"), (speed) => this.#setSpeed(speed));
    this.#nameField.maxLength = config.training.name_max;
  }

  async begin() {
    this.#listen();
    this.#speed.draw();
    this.#show(false);
    const id = linkedTraining();
    if (id) this.#follow(id);
    await Promise.all([this.#loadOffer(), this.#loadOwn(!id)]);
  }

  #listen() {
    this.#root.addEventListener("click", (event) => {
      const source = closestTarget(event, "[data-learn]");
      if (source) this.#act(source.dataset.learn ?? "", source);
    });
    this.#onSubmit("#learn-form", () => this.#start());
    this.#onSubmit(".rename", () => this.#rename());
    this.#onFile(".own-text input[type=file]", (file) => this.#readText(file));
    this.#onFile(".own > input[type=file]", (file) => this.#upload(file));
    document.addEventListener("visibilitychange", () => {
      this.#hiddenSince = document.hidden ? performance.now() : null;
      if (!document.hidden && this.#sessionId) this.#poll();
    });
    document.addEventListener("playground", (event) => {
      const { action, tab, value } = /** @type {CustomEvent<ActionDetail>} */ (event).detail;
      if (action === "tab" && tab === TAB && this.#sessionId) this.#poll();
      if (action === "live-step") this.#view.moveTo(value);
    });
  }

  /** @param {string} action @param {HTMLElement} source */
  #act(action, source) {
    if (COMMANDS.includes(action)) this.#sendCommand(action);
    else if (action === "choose-file") find(this.#root, ".own-text input[type=file]").click();
    else if (action === "drop-file") this.#form.setFile(null);
    else if (action === "upload") find(this.#root, ".own > input[type=file]").click();
    else if (action === "new") this.#leave();
    else if (action === "delete" || action === "delete-own") this.#delete(source);
    else if (action === "open" && source.dataset.session) this.#follow(source.dataset.session);
  }

  /** @param {string} selector @param {() => void} handler */
  #onSubmit(selector, handler) {
    find(this.#root, selector).addEventListener("submit", (event) => {
      event.preventDefault();
      handler();
    });
  }

  /** @param {string} selector @param {(file: File) => void} handler */
  #onFile(selector, handler) {
    const input = find(this.#root, selector, HTMLInputElement);
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      input.value = ""; // so that the same file can be chosen again
      if (file) handler(file);
    });
  }

  // Starting

  async #loadOffer() {
    try {
      this.#form.setOffer(await trainingApi.getOffer());
      this.#setBusy(false);
    } catch (error) {
      this.#reportError(error);
      setTimeout(() => this.#loadOffer(), config.requests.retry_ms);
    }
  }

  async #start() {
    this.#setBusy(true);
    try {
      this.#form.showError("");
      const body = { ...this.#form.request, steps_per_second: this.#speed.value };
      await this.#follow((await trainingApi.startTraining(body)).session_id);
      this.#button("pause").focus();
    } catch (error) {
      this.#showFormError(error);
      if (asRequestError(error).status === CONFLICT) this.#loadOwn(false); // it is listed there
    } finally {
      this.#setBusy(false);
    }
  }

  /** @param {File} file */
  async #readText(file) {
    try {
      const { text } = await trainingApi.decodeTextFile(file);
      this.#form.setFile({ name: file.name, text });
    } catch (error) {
      this.#showFormError(error);
    }
  }

  /** @param {File} file */
  async #upload(file) {
    try {
      this.#follow((await trainingApi.uploadModel(file)).session_id);
    } catch (error) {
      toast(apiMessage(asRequestError(error)));
    }
  }

  // Following

  /** Show a training, and poll it.
   * @param {string} sessionId */
  #follow(sessionId) {
    this.#forgetDelete();
    this.#sessionId = sessionId;
    this.#history = new TrainingHistory();
    this.#dispatched = "";
    this.#failures = this.#mergesShown = 0;
    this.#view.reset();
    this.#setAddress(sessionId);
    return this.#poll();
  }

  /** Go back to the form; the training stays among the visitor's own. */
  #leave() {
    this.#close();
    this.#dispatchSession({ session_id: null });
    this.#loadOwn(false);
    this.#button("start").focus();
  }

  /** Show the form, and stop polling. */
  #close() {
    this.#forgetDelete();
    this.#sessionId = this.#history = null;
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#setAddress(null);
    this.#show(false);
  }

  /** Request the status, and again after a while. */
  async #poll() {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    const history = this.#history;
    if (!history || !this.#sessionId) return;
    try {
      const status = await trainingApi.getTraining(this.#sessionId, history.since);
      if (round !== this.#round) return;
      this.#failures = 0;
      history.add(status);
      this.#show(true);
      this.#view.draw(history, true);
      this.#updateDrawer();
      if (status.merges !== this.#mergesShown) await this.#loadMerges(status, round);
    } catch (error) {
      const { status } = asRequestError(error);
      if (round !== this.#round) return;
      if (status === NOT_FOUND) {
        this.#handleRemoved();
        return;
      }
      this.#failures += 1;
      this.#view.draw(history, this.#failures < FAILURES_MAX);
    }
    this.#timer = setTimeout(() => this.#pollIfVisible(), this.#delay(history));
  }

  /** Show how the word pieces came to be; they are learned once, before the first update.
   * @param {TrainingStatus} status @param {number} round */
  async #loadMerges(status, round) {
    const merges = await trainingApi.getMerges(status.session_id);
    if (round !== this.#round) return;
    this.#mergesShown = status.merges;
    this.#view.showMerges(merges, isActive(status));
  }

  /** A page that nobody looks at stops polling, so that the server may stop its training. */
  #pollIfVisible() {
    const hiddenMs = this.#hiddenSince === null ? 0 : performance.now() - this.#hiddenSince;
    if (hiddenMs < config.training.poll_ms.unseen_max) this.#poll();
  }

  /** Milliseconds until the next request.
   * @param {TrainingHistory} history */
  #delay({ now, losses }) {
    const { first, active, idle, ended, hidden } = config.training.poll_ms;
    if (this.#failures || !now) return idle;
    if (hasEnded(now)) return ended;
    if (!isVisible(this.#root)) return hidden;
    if (!isActive(now) || now.state === "queued") return idle;
    return losses.length && now.state !== "pausing" ? active : first;
  }

  /** The training was removed, or the server restarted. */
  #handleRemoved() {
    const status = this.#history?.now;
    this.#dispatchSession({ session_id: this.#sessionId, name: status?.name, ended: "gone" });
    this.#close();
    this.#form.showError(translate(status ? "learn.gone" : "learn.gone_link"));
    this.#loadOwn(false);
  }

  /** Give the drawer the training's session, when it differs from before. */
  #updateDrawer() {
    const now = this.#history?.now;
    if (!now) return;
    const hasStopped = ["stopped", "failed"].includes(now.state);
    const ended = now.ready ? "stopped" : "gone";
    /** @type {Partial<ActionDetail>} */
    const detail = {
      session_id: this.#sessionId,
      name: now.name,
      ...(now.ready
        ? { step: this.#view.step, steps: this.#view.steps, newest: this.#view.isNewest }
        : { position: now.state === "queued" ? now.position : 0 }),
      ended: hasStopped ? ended : undefined,
    };
    if (JSON.stringify(detail) === this.#dispatched) return;
    this.#dispatched = JSON.stringify(detail);
    this.#dispatchSession(detail);
  }

  /** @param {Partial<ActionDetail>} detail */
  #dispatchSession(detail) {
    dispatchAction({ action: "session", tab: TAB, ...detail });
  }

  // Controlling

  /** @param {string} command */
  async #sendCommand(command) {
    await this.#attempt((id) => trainingApi.sendCommand(id, command));
    if (this.#sessionId) this.#poll();
  }

  /** @param {number | null} stepsPerSecond */
  async #setSpeed(stepsPerSecond) {
    await this.#attempt((id) => trainingApi.setSpeed(id, stepsPerSecond));
  }

  async #rename() {
    const name = this.#nameField.value.trim();
    if (!name) return;
    if (await this.#attempt((id) => trainingApi.renameTraining(id, name))) toast(translate("learn.kept", { name }));
    this.#poll();
  }

  /** Delete a training on the second click.
   * @param {HTMLElement} source */
  async #delete(source) {
    const id = source.dataset.session ?? this.#sessionId;
    if (id === null) return;
    if (source.dataset.sure !== id) {
      source.dataset.sure = id; // the button in the head is that of whichever training is shown
      source.textContent = translate("learn.delete_sure");
      setTimeout(() => source.dataset.sure === id && forget(source), CONFIRM_MS);
      return;
    }
    if (!(await this.#attempt(trainingApi.deleteTraining, id))) return;
    if (id === this.#sessionId) {
      this.#dispatchSession({ session_id: id, name: this.#history?.now?.name, ended: "gone" });
      this.#close();
    }
    this.#loadOwn(false);
  }

  /** Of another training the head's button asks again. */
  #forgetDelete() {
    forget(find(this.#root, "[data-learn=delete]"));
  }

  /** List the visitor's own trainings.
   * @param {boolean} followActive whether to show one that is active or paused */
  async #loadOwn(followActive) {
    /** @type {Awaited<ReturnType<typeof trainingApi.listTrainings>>} */
    let own = [];
    try {
      own = await trainingApi.listTrainings();
    } catch (error) {
      asRequestError(error); // the form works without the list
    }
    const active = [...own].reverse().find((training) => isActive(training) || training.state === "paused");
    if (active && followActive && !this.#sessionId) this.#follow(active.session_id);
    find(this.#root, ".own__list").replaceChildren(...[...own].reverse().map(createEntry));
  }

  // Showing

  /** Show the training, or the form.
   * @param {boolean} isRunning */
  #show(isRunning) {
    const before = this.#root.dataset.state;
    this.#root.dataset.state = isRunning ? "run" : "form";
    if (before === this.#root.dataset.state && isRunning) return;
    if (this.#root.getBoundingClientRect().top < 0) requestAnimationFrame(() => this.#root.scrollIntoView());
    for (const part of ["#learn-form", ".own"]) find(this.#root, part).hidden = isRunning;
    for (const part of [".run", ".run-head"]) find(this.#root, part).hidden = !isRunning;
    this.#button("start").hidden = isRunning;
    if (isRunning && this.#sessionId) {
      find(this.#root, "[data-learn=download]", HTMLAnchorElement).href = trainingApi.downloadAddress(this.#sessionId);
      return;
    }
    for (const name of [...COMMANDS, "new"]) this.#button(name).hidden = true;
    this.#speed.show(true);
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#root.setAttribute("aria-busy", String(isBusy));
    this.#button("start").disabled = isBusy;
  }

  /** Have the page's address lead back to a training.
   * @param {string | null} sessionId */
  #setAddress(sessionId) {
    const address = new URL(location.href);
    if (sessionId) address.searchParams.set(LINK_PARAMETER, sessionId);
    else address.searchParams.delete(LINK_PARAMETER);
    history.replaceState(history.state, "", address);
  }

  /** Whether a request about a training succeeded; its error is reported.
   * @param {(sessionId: string) => Promise<unknown>} send @param {string | null} [sessionId] */
  async #attempt(send, sessionId = this.#sessionId) {
    if (sessionId === null) return false;
    try {
      await send(sessionId);
      return true;
    } catch (error) {
      this.#reportError(error);
      return false;
    }
  }

  /** @param {unknown} error */
  #reportError(error) {
    const failure = asRequestError(error);
    if (failure.status !== NOT_FOUND) toast(apiMessage(failure)); // else the next status reports it
  }

  /** @param {unknown} error */
  #showFormError(error) {
    const failure = asRequestError(error);
    this.#form.showError(apiMessage(failure), failure.field);
  }

  get #nameField() {
    return find(this.#root, "#run-name", HTMLInputElement);
  }

  /** @param {string} name */
  #button(name) {
    return find(this.#root, `.learn-bar [data-learn=${name}]`, HTMLButtonElement);
  }
}

/** Have a button ask again before it deletes.
 * @param {HTMLElement} button */
function forget(button) {
  delete button.dataset.sure;
  button.textContent = translate("learn.delete");
}
