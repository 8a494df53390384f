// "Watch it learn": starts a training, follows and steers it, and tells the drawer of its session.

import { element } from "../shared/dom.js";
import { words } from "../shared/failure.js";
import { fill, say } from "../shared/messages.js";
import { has_ended, is_active, Record } from "./record.js";
import { toast } from "../shared/toast.js";
import { TrainingForm } from "./training_form.js";
import { TrainingView } from "./training_view.js";
import * as trainings from "./trainings.js";

export const TAB = "learn";
const LINK = "train"; // the address of the page leads back to a training: ?train=live-…
const SPEEDS = [1, 2, 5, 10, 20, 50, 100, null]; // steps per second; null: as fast as it goes
const SOON_MS = 120, LIVE_MS = 300, STILL_MS = 1000, ENDED_MS = 10_000, AWAY_MS = 5000;
const UNSEEN_MS = 60_000; // then nobody is looking any more, and the server may stop it
const SURE_MS = 4000;

/** The training that the page's address leads to, or null. */
export const linked = () => new URLSearchParams(location.search).get(LINK);

export function mount(element) {
  const root = element.querySelector(".learn");
  if (root && !root.dataset.mounted) {
    root.dataset.mounted = "true";
    fill(root);
    new Learn(root).begin();
  }
}

class Learn {
  #root;
  #form;
  #view;
  #record = null; // of the training that is followed
  #session_id = null;
  #said = ""; // what the drawer was told last
  #timer = 0;
  #round = 0; // answers to an earlier one are void
  #failures = 0;
  #unseen_since = null;

  constructor(root) {
    this.#root = root;
    this.#form = new TrainingForm(this.#find("#learn-form"));
    this.#view = new TrainingView(root, () => this.#tell());
  }

  async begin() {
    this.#listen();
    this.#show_speed();
    this.#show(false);
    const id = linked();
    if (id) this.#follow(id);
    await Promise.all([this.#load_form(), this.#load_own(!id)]);
  }

  #listen() {
    const actions = {
      "choose-file": () => this.#find(".own-text input[type=file]").click(),
      "drop-file": () => this.#form.useFile(null),
      upload: () => this.#find(".own > input[type=file]").click(),
      new: () => this.#leave(),
      delete: (source) => this.#delete(source),
      "delete-own": (source) => this.#delete(source),
      open: ({ dataset }) => this.#follow(dataset.session),
      ...Object.fromEntries(["pause", "resume", "step", "stop"].map((how) => [how, () => this.#steer(how)])),
    };
    this.#root.addEventListener("click", (event) => {
      const source = event.target.closest("[data-learn]");
      actions[source?.dataset.learn]?.(source);
    });
    this.#find("#learn-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    this.#find(".rename").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#rename();
    });
    this.#chosen(".own-text input[type=file]", (file) => this.#read(file));
    this.#chosen(".own > input[type=file]", (file) => this.#upload(file));
    const speed = this.#find(".learn-bar__speed input");
    speed.addEventListener("input", () => this.#show_speed());
    speed.addEventListener("change", () => this.#set_speed());
    document.addEventListener("visibilitychange", () => {
      this.#unseen_since = document.hidden ? performance.now() : null;
      if (!document.hidden && this.#session_id) this.#ask();
    });
    document.addEventListener("playground", ({ detail }) => {
      if (detail.action === "tab" && detail.tab === TAB && this.#session_id) this.#ask();
    });
  }

  // Starting

  async #load_form() {
    try {
      this.#form.offer(await trainings.form());
      this.#busy(false);
    } catch (failure) {
      this.#trouble(failure);
      setTimeout(() => this.#load_form(), STILL_MS);
    }
  }

  async #start() {
    this.#busy(true);
    try {
      const steps_per_second = this.#speed;
      this.#form.complain("");
      const started = await trainings.start({ ...this.#form.request, steps_per_second });
      await this.#follow(started.session_id);
      this.#button("pause").focus();
    } catch (failure) {
      this.#form.complain(words(failure));
      if (failure.status === 409) this.#load_own(false); // it is among these
    } finally {
      this.#busy(false);
    }
  }

  async #read(file) {
    try {
      const { text } = await trainings.read(file);
      this.#form.useFile({ name: file.name, text });
    } catch (failure) {
      this.#form.complain(words(failure));
    }
  }

  async #upload(file) {
    try {
      this.#follow((await trainings.upload(file)).session_id);
    } catch (failure) {
      toast(words(failure));
    }
  }

  // Following

  #follow(session_id) {
    this.#session_id = session_id;
    this.#record = new Record();
    this.#said = "";
    this.#failures = 0;
    this.#view.reset();
    this.#link(session_id);
    return this.#ask();
  }

  /** Back to the form; the training stays among the visitor's own. */
  #leave() {
    this.#session_id = this.#record = null;
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#link(null);
    this.#show(false);
    this.#say({ session_id: null });
    this.#load_own(false);
    this.#button("start").focus();
  }

  /** Ask for what is new, and again after a while. */
  async #ask() {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    const record = this.#record;
    try {
      const body = await trainings.follow(this.#session_id, record.since);
      if (round !== this.#round) return;
      this.#failures = 0;
      record.absorb(body);
      this.#show(true);
      this.#view.draw(record, true);
      this.#tell();
    } catch (failure) {
      if (failure.kind === undefined) throw failure;
      if (round !== this.#round) return;
      if (failure.status === 404) return this.#gone();
      this.#failures += 1;
      if (record.now) this.#view.draw(record, this.#failures < 3);
    }
    this.#timer = setTimeout(() => this.#ask_if_seen(), this.#pace());
  }

  #ask_if_seen() {
    const hidden_for = this.#unseen_since === null ? 0 : performance.now() - this.#unseen_since;
    if (hidden_for < UNSEEN_MS) this.#ask();
  }

  #pace() {
    const { now, losses } = this.#record;
    if (this.#failures || !now) return STILL_MS;
    if (has_ended(now)) return ENDED_MS;
    if (!this.#root.checkVisibility()) return AWAY_MS;
    if (!is_active(now)) return STILL_MS;
    if (now.state === "queued") return STILL_MS;
    return losses.length && now.state !== "pausing" ? LIVE_MS : SOON_MS;
  }

  /** It has been removed, or its server was started anew. */
  #gone() {
    const had = this.#record.now;
    this.#say({ session_id: this.#session_id, name: had?.name, ended: "gone" });
    this.#session_id = this.#record = null;
    this.#link(null);
    this.#show(false);
    this.#form.complain(had
      ? say("learn.gone")
      : say("learn.gone_link"));
    this.#load_own(false);
  }

  /** Tell the drawer what it can play with, when that is another than before. */
  #tell() {
    const { now } = this.#record;
    const ended = ["stopped", "failed"].includes(now.state) ? (now.ready ? "stopped" : "gone") : undefined;
    const at = now.ready ? { step: this.#view.step, newest: this.#view.is_newest } : {};
    const said = { session_id: this.#session_id, name: now.name, ...at, ended };
    if (JSON.stringify(said) === this.#said) return;
    this.#said = JSON.stringify(said);
    this.#say(said);
  }

  #say(detail) {
    document.dispatchEvent(new CustomEvent("playground", { detail: { action: "session", tab: TAB, ...detail } }));
  }

  // Steering

  async #steer(how) {
    await this.#try(() => trainings.steer(this.#session_id, how));
    if (this.#session_id) this.#ask();
  }

  get #speed() {
    return SPEEDS[this.#find(".learn-bar__speed input").value];
  }

  #show_speed() {
    const slider = this.#find(".learn-bar__speed input");
    const speed = this.#speed;
    const text = speed === null ? say("learn.speed_max") : say("learn.speed_steps", { count: speed });
    this.#find(".learn-bar__speed-value").textContent = text;
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--range_progress", `${(100 * slider.value) / slider.max}%`);
  }

  async #set_speed() {
    if (this.#session_id) await this.#try(() => trainings.setSpeed(this.#session_id, this.#speed));
  }

  // Keeping

  async #rename() {
    const name = this.#find("#run-name").value.trim();
    if (!name) return;
    if (await this.#try(() => trainings.rename(this.#session_id, name))) toast(say("learn.kept", { name }));
    this.#ask();
  }

  async #delete(source) {
    if (!source.dataset.sure) {
      source.dataset.sure = "true";
      source.textContent = say("learn.delete_sure");
      setTimeout(() => {
        delete source.dataset.sure;
        source.textContent = say("learn.delete");
      }, SURE_MS);
      return;
    }
    const session_id = source.dataset.session ?? this.#session_id;
    if (!(await this.#try(() => trainings.remove(session_id)))) return;
    if (session_id !== this.#session_id) return this.#load_own(false);
    this.#say({ session_id, name: this.#record.now?.name, ended: "gone" });
    this.#session_id = this.#record = null;
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#link(null);
    this.#show(false);
    this.#load_own(false);
  }

  /** The visitor's own trainings; one that is under way is followed. */
  async #load_own(follow_active) {
    let own = [];
    try {
      own = await trainings.own();
    } catch (failure) {
      if (failure.kind === undefined) throw failure; // else: none to be seen, the form is there
    }
    const active = own.findLast((training) => is_active(training) || training.state === "paused");
    if (active && follow_active && !this.#session_id) this.#follow(active.session_id);
    this.#find(".own__list").replaceChildren(...own.toReversed().map(entry));
  }

  // Showing

  #show(running) {
    const before = this.#root.dataset.state;
    this.#root.dataset.state = running ? "run" : "form";
    if (before === this.#root.dataset.state && running) return;
    if (this.#root.getBoundingClientRect().top < 0) requestAnimationFrame(() => this.#root.scrollIntoView());
    this.#find("#learn-form").hidden = running;
    this.#find(".own").hidden = running;
    for (const part of [".run", ".run-head"]) this.#find(part).hidden = !running;
    this.#button("start").hidden = running;
    if (running) {
      this.#find("[data-learn=download]").href = trainings.download(this.#session_id);
    } else {
      for (const name of ["pause", "resume", "step", "stop", "new"]) this.#button(name).hidden = true;
      this.#find(".learn-bar__speed").hidden = false;
    }
  }

  #busy(busy) {
    this.#root.ariaBusy = String(busy);
    this.#button("start").disabled = busy;
  }

  #link(session_id) {
    const address = new URL(location.href);
    if (session_id) address.searchParams.set(LINK, session_id);
    else address.searchParams.delete(LINK);
    history.replaceState(history.state, "", address);
  }

  #chosen(selector, take) {
    const input = this.#find(selector);
    input.addEventListener("change", () => {
      const [file] = input.files;
      input.value = ""; // the same one may be chosen again
      if (file) take(file);
    });
  }

  /** Whether it went well; if not, that is said. */
  async #try(act) {
    try {
      await act();
      return true;
    } catch (failure) {
      this.#trouble(failure);
      return false;
    }
  }

  #trouble(failure) {
    if (failure.status === 404) return; // the next answer says so
    toast(words(failure));
  }

  #button(name) {
    return this.#find(`.learn-bar [data-learn=${name}]`);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

function entry({ session_id, name, state, step, ready }) {
  const item = element("li", "own__entry");
  const what = element("span", "own__what");
  const standing = say("learn.own_standing", { state: say(`learn.state_${state}`), step });
  what.append(element("strong", "", name), element("span", "hint", standing));
  const open = button("open", say("learn.open"), say("learn.open_name", { name }));
  const drop = button("delete-own", say("learn.delete"), say("learn.delete_name", { name }));
  item.append(what, open, ...(ready ? [link(session_id, name)] : []), drop);
  for (const source of item.querySelectorAll("button")) source.dataset.session = session_id;
  return item;
}

function button(action, text, title) {
  const made = element("button", "button button--small", text);
  made.type = "button";
  made.dataset.learn = action;
  made.title = title;
  return made;
}

function link(session_id, name) {
  const made = element("a", "button button--small", say("learn.download"));
  made.href = trainings.download(session_id);
  made.download = "";
  made.title = say("learn.download_name", { name });
  return made;
}
