// The tutorial: a panel beside the live page that goes through the lessons (playground/lessons). A
// lesson is a link, which the page opens, and a text. No dialog: the page stays usable.

/** @import { Lesson } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { request } from "../shared/client.js";
import { closestTarget, createElement, find, isVisible, setAttribute, setText } from "../shared/dom.js";
import { currentLocale, translate } from "../shared/messages.js";
import { createPopover } from "../shared/popover.js";
import { readStorage, writeStorage } from "../shared/storage.js";
import { toast } from "../shared/toast.js";
import { LessonGoal } from "./lessonGoal.js";

const LABELS = ":is(#tabs, #drawer) :is(button, label, [data-testid=block-info])";
const SETTLING_MS = 1500; // a page that has just opened a link is still changing its layout
const SETTLED_MS = 100; // without a change
const BARS_SHOWN = 3;
const SMALL = "(max-width: 640px)"; // as in guide.css
const STORAGE_KEY = "token-playground.guide";

/** current: the lesson to continue with. seen: names of lessons, which stay when others are added.
 * @typedef {{ current: string | null, seen: string[] }} GuideProgress */

export class Guide {
  #root;
  #page;
  #menu;
  #small = matchMedia(SMALL);
  /** @type {Lesson[]} */
  #lessons = [];
  #index = 0;
  #openedAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  #progress = readProgress();
  /** What the open lesson proposes to try, until it was done.
   * @type {LessonGoal | null} */
  #goal = null;

  /** @param {HTMLElement} root
   * @param {object} page
   * @param {Player} page.player
   * @param {(link: string) => Promise<void>} page.open restores the state of a link
   * @param {(isOpen: boolean) => void} page.onToggle called when the panel opens or closes
   * @param {() => void} page.onResume called when it is shown again after a reload
   * @param {(error: unknown) => void} page.onError */
  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    root.addEventListener("click", (event) => {
      const source = closestTarget(event, "[data-guide]");
      if (source) this.#act(source);
    });
    root.addEventListener("keydown", (event) => this.#closeOnEscape(event));
    // On a phone, whoever uses the page needs all of it.
    document.addEventListener("click", (event) => {
      if (!event.isTrusted || !this.#small.matches || root.hidden) return;
      if (closestTarget(event, "#drawer, #tabs")) this.#fold(true);
    });
    this.#menu = createPopover(root, ".guide__all", () =>
      /** @type {HTMLElement | null} */ (root.querySelector("[aria-current]"))?.focus());
    const sizes = new ResizeObserver(() => this.#updateHeight());
    sizes.observe(root);
    const tabs = document.getElementById("tabs");
    if (tabs) sizes.observe(tabs);
  }

  /** Open a lesson, by default the one that the visitor left off at.
   * @param {string | null} [lesson] its name or number */
  async start(lesson = null) {
    if (!(await this.#load())) return undefined;
    if (this.#lessons.length === 0) return toast(translate("guide.none"));
    const index = this.#indexOf(lesson ?? this.#progress.current);
    if (lesson !== null && index === undefined) return toast(translate("guide.gone"));
    this.#show(true);
    return this.#open(index ?? 0);
  }

  /** Returns whether the lessons are there. */
  async #load() {
    try {
      this.#lessons = (await request(`../page/lessons.json?languages=${currentLocale()}`)).lessons;
      return true;
    } catch (error) {
      this.#page.onError(error);
      return false;
    }
  }

  /** The name of the open lesson, or null. */
  get lesson() {
    return this.#root.hidden ? null : this.#lessons[this.#index]?.name ?? null;
  }

  /** Show a lesson again, and leave the page as it is.
   * @param {string} lesson its name */
  async resume(lesson) {
    if (!(await this.#load())) return;
    const index = this.#indexOf(lesson);
    if (index === undefined) return;
    this.#index = index;
    this.#root.hidden = false;
    document.documentElement.classList.add("guided");
    this.#page.onResume();
    this.#drawLesson();
  }

  close() {
    this.#menu.close();
    this.#show(false);
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    this.#root.hidden = !isOpen;
    document.documentElement.classList.toggle("guided", isOpen);
    this.#page.onToggle(isOpen);
  }

  /** @param {string | null} lesson its name or number */
  #indexOf(lesson) {
    const index = this.#lessons.findIndex(({ name }) => name === lesson);
    return [index, Number(lesson) - 1].find((one) => one in this.#lessons);
  }

  /** Called at every change of the player.
   * @param {Player} player */
  draw(player) {
    if (this.#root.hidden) return;
    if (!this.#goal?.update(player)) return;
    this.#goal = null;
    this.#root.dataset.tried = "true";
    setText(this.#find(".guide__tried"), translate("guide.tried"));
  }

  /** @param {number} index */
  async #open(index) {
    const lesson = this.#lessons[index];
    this.#goal = null;
    this.#index = index;
    this.#setProgress({ current: lesson.name, seen: [...new Set([...this.#progress.seen, lesson.name])] });
    this.#fold(false);
    this.#drawLesson();
    const opened = this.#page.open(lesson.link);
    this.#find(".guide__title").focus({ preventScroll: true }); // where a screen reader continues
    await opened;
    if (this.#root.hidden || this.#lessons[this.#index] !== lesson) return; // it was left meanwhile
    this.#goal = lesson.done === null ? null : new LessonGoal(lesson.done, this.#page.player);
    this.#openedAt = performance.now();
    this.#scrollWhenSettled();
  }

  /** @param {HTMLElement} source */
  #act(source) {
    const { guide, index } = source.dataset;
    const isLast = this.#index === this.#lessons.length - 1;
    if (guide === "leave") this.close();
    else if (guide === "fold") this.#fold(!this.#root.hasAttribute("data-folded"));
    else if (guide === "back") this.#open(this.#index - 1);
    else if (guide === "next" && isLast) this.#finish();
    else if (guide === "next") this.#open(this.#index + 1);
    else {
      this.#menu.close();
      this.#open(Number(index));
    }
  }

  /** Close it; the next visit begins with the first lesson. */
  #finish() {
    this.#setProgress({ ...this.#progress, current: null });
    this.close();
  }

  /** @param {boolean} isFolded */
  #fold(isFolded) {
    this.#root.toggleAttribute("data-folded", isFolded);
    this.#find("[data-guide=fold]").setAttribute("aria-expanded", String(!isFolded));
  }

  /** @param {KeyboardEvent} event */
  #closeOnEscape(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault(); // or it would close the drawer as well
    this.close();
  }

  /** @param {GuideProgress} progress */
  #setProgress(progress) {
    this.#progress = progress;
    writeStorage(STORAGE_KEY, JSON.stringify(progress));
  }

  #drawLesson() {
    const { title, html } = this.#lessons[this.#index];
    delete this.#root.dataset.tried;
    setText(this.#find(".guide__tried"), "");
    const place = { number: this.#index + 1, total: this.#lessons.length };
    const all = this.#find(".guide__all");
    setText(all, translate("guide.place", place));
    all.setAttribute("aria-label", translate("guide.all_lessons", place));
    setText(this.#find(".guide__title"), title);
    const text = this.#find(".guide__words");
    text.replaceChildren(...parseHtml(html));
    text.scrollTop = 0;
    find(this.#root, "[data-guide=back]", HTMLButtonElement).disabled = this.#index === 0;
    setText(this.#find("[data-guide=next]"), translate(place.number < place.total ? "guide.next" : "guide.finish"));
    this.#root.style.setProperty("--done", String(place.number / place.total));
    this.#find(".guide__lessons ol").replaceChildren(...this.#lessons.map((lesson, index) => this.#createEntry(lesson, index)));
  }

  /** @param {Lesson} lesson @param {number} index */
  #createEntry({ name, title }, index) {
    const entry = createElement("li");
    const button = createElement("button", "guide__lesson");
    button.type = "button";
    setAttribute(button, "aria-current", index === this.#index ? "step" : null);
    Object.assign(button.dataset, { guide: "lesson", index });
    button.append(createElement("span", "guide__number", String(index + 1)), createElement("span", "guide__name", title));
    if (this.#progress.seen.includes(name)) {
      const mark = createElement("span", "guide__seen", "✓");
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", translate("guide.seen"));
      button.append(mark);
    }
    entry.append(button);
    return entry;
  }

  /** Scroll once the layout stands: a page is narrower, and longer, while its drawer slides away. */
  #scrollWhenSettled() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#scrollToControls(), SETTLED_MS);
  }

  /** Scroll to the controls whose labels the text has in bold, the last one at any rate. */
  #scrollToControls() {
    if (this.#root.hidden) return;
    const labels = [...document.querySelectorAll(LABELS)].filter(isVisible);
    for (const { textContent: name } of this.#find(".guide__words").querySelectorAll("strong")) {
      const label = labels.find((one) => one.textContent?.trim() === name);
      // A field of Gradio's with its label; a part of our own HTML has none around it.
      (label?.closest(".block:not(.hide-container)") ?? label)?.scrollIntoView({ block: "nearest" });
    }
    // And what they change: the first bars.
    const row = document.querySelectorAll("#drawer .candidate")[BARS_SHOWN - 1];
    if (isVisible(row)) row.scrollIntoView({ block: "nearest" });
  }

  /** Page and drawer leave the height of the panel free below them: see guide.css. */
  #updateHeight() {
    const height = Math.ceil(this.#root.getBoundingClientRect().height); // offsetHeight may be half a pixel too low
    document.documentElement.style.setProperty("--guide-height", `${height}px`);
    if (performance.now() - this.#openedAt < SETTLING_MS) this.#scrollWhenSettled();
  }

  /** @param {string} selector */
  #find(selector) {
    return find(this.#root, selector);
  }
}

/** The nodes of a lesson's text, which the server rendered from Markdown without any HTML in it.
 * @param {string} html */
function parseHtml(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const link of body.querySelectorAll("a")) link.target = "_blank"; // the page stays as it is
  return [...body.childNodes];
}

/** @returns {GuideProgress} */
function readProgress() {
  try {
    const { current, seen } = JSON.parse(readStorage(STORAGE_KEY) ?? "");
    return { current, seen: Array.from(seen) };
  } catch {
    return { current: null, seen: [] };
  }
}
