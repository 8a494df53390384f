// The tutorial: a panel beside the live page that goes through the lessons (web/lessons.py). A lesson
// is a link, which the page opens, and words. Not a dialog: what a lesson is about stays in use.

import { request } from "../shared/client.js";
import { element, write } from "../shared/dom.js";
import { language, say } from "../shared/messages.js";
import { toast } from "../shared/toast.js";

const LABELS = ":is(#tabs, #drawer) :is(button, label, [data-testid=block-info])";
const SETTLING_MS = 1500; // a page that has just been brought to a moment is still filling
const SMALL = matchMedia("(max-width: 640px)");
const MEMORY = "token-playground.guide";

export class Guide {
  #root;
  #page;
  #lessons = []; // [{name, title, link, html}, …]
  #at = 0;
  #opened_at = -Infinity;
  #progress = remembered(); // {current, seen}: names of lessons, which stay when others are added

  /** page: open(link) brings the page there; shown(is_open) is called when the panel comes or goes;
   * trouble(failure) tells the visitor of one. */
  constructor(root, page) {
    this.#root = root;
    this.#page = page;
    root.addEventListener("click", (event) => this.#press(event.target.closest("[data-guide]")));
    root.addEventListener("keydown", (event) => this.#leave_by_key(event));
    // On a phone, who goes to work on the page needs all of it.
    document.addEventListener("click", ({ isTrusted, target }) => {
      if (isTrusted && SMALL.matches && !root.hidden && target.closest("#drawer, #tabs")) this.#fold(true);
    });
    this.#menu.addEventListener("toggle", () => this.#find("[aria-current]")?.focus());
    const sizes = new ResizeObserver(() => this.#fit());
    for (const part of [root, document.getElementById("tabs")]) sizes.observe(part);
  }

  /** Begin with a lesson by its number or name, or else go on where the visitor left. */
  async start(asked = null) {
    try {
      this.#lessons = (await request(`../page/lessons.json?languages=${language}`)).lessons;
    } catch (failure) {
      return this.#page.trouble(failure);
    }
    if (this.#lessons.length === 0) return toast(say("guide.none"));
    const place = this.#place(asked ?? this.#progress.current);
    if (asked !== null && place === undefined) return toast(say("guide.gone"));
    this.#show(true);
    await this.#go(place ?? 0);
  }

  leave() {
    this.#menu.hidePopover();
    this.#show(false);
  }

  #show(is_open) {
    this.#root.hidden = !is_open;
    document.documentElement.classList.toggle("guided", is_open);
    this.#page.shown(is_open);
  }

  /** The index of a lesson by its name or number, if there is one. */
  #place(asked) {
    const index = this.#lessons.findIndex(({ name }) => name === asked);
    return [index, Number(asked) - 1].find((place) => place in this.#lessons);
  }

  async #go(index) {
    const lesson = this.#lessons[index];
    this.#at = index;
    this.#progress = { current: lesson.name, seen: [...new Set([...this.#progress.seen, lesson.name])] };
    remember(this.#progress);
    this.#fold(false);
    this.#draw();
    const opened = this.#page.open(lesson.link);
    this.#find(".guide__title").focus({ preventScroll: true }); // where a screen reader goes on
    await opened;
    this.#opened_at = performance.now();
    this.#bring_into_sight();
  }

  #press(source) {
    if (!source) return;
    const { guide, index } = source.dataset;
    const last = this.#at === this.#lessons.length - 1;
    if (guide === "leave") this.leave();
    else if (guide === "fold") this.#fold(!this.#root.hasAttribute("data-folded"));
    else if (guide === "back") this.#go(this.#at - 1);
    else if (guide === "next" && last) this.#finish();
    else if (guide === "next") this.#go(this.#at + 1);
    else {
      this.#menu.hidePopover();
      this.#go(Number(index));
    }
  }

  /** The next visit begins anew; what has been seen stays marked. */
  #finish() {
    remember((this.#progress = { ...this.#progress, current: null }));
    this.leave();
  }

  #fold(folded) {
    this.#root.toggleAttribute("data-folded", folded);
    this.#find("[data-guide=fold]").ariaExpanded = String(!folded);
  }

  #leave_by_key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || this.#menu.matches(":popover-open")) return;
    event.preventDefault(); // else it closes the drawer, too
    this.leave();
  }

  #draw() {
    const { title, html } = this.#lessons[this.#at];
    const place = { number: this.#at + 1, total: this.#lessons.length };
    const all = this.#find(".guide__all");
    write(all, say("guide.place", place));
    all.ariaLabel = say("guide.all_lessons", place);
    write(this.#find(".guide__title"), title);
    const words = this.#find(".guide__words");
    words.replaceChildren(...parsed(html));
    words.scrollTop = 0;
    this.#find("[data-guide=back]").disabled = this.#at === 0;
    write(this.#find("[data-guide=next]"), say(place.number < place.total ? "guide.next" : "guide.finish"));
    this.#root.style.setProperty("--done", place.number / place.total);
    this.#find(".guide__lessons ol").replaceChildren(...this.#lessons.map((lesson, index) => this.#entry(lesson, index)));
  }

  #entry({ name, title }, index) {
    const entry = element("li", "");
    const button = element("button", "guide__lesson");
    Object.assign(button, { type: "button", ariaCurrent: index === this.#at ? "step" : null });
    Object.assign(button.dataset, { guide: "lesson", index });
    const seen = this.#progress.seen.includes(name);
    button.append(element("span", "guide__number", String(index + 1)), element("span", "guide__name", title));
    if (seen) {
      const mark = element("span", "guide__seen", "✓");
      Object.assign(mark, { role: "img", ariaLabel: say("guide.seen") });
      button.append(mark);
    }
    entry.append(button);
    return entry;
  }

  /** Controls whose names the words say in bold; the last one surely. */
  #bring_into_sight() {
    const labels = [...document.querySelectorAll(LABELS)].filter((label) => label.checkVisibility());
    for (const { textContent: name } of this.#find(".guide__words").querySelectorAll("strong")) {
      const label = labels.find((one) => one.textContent.trim() === name);
      (label?.closest(".block") ?? label)?.scrollIntoView({ block: "nearest" });
    }
  }

  /** Page and drawer leave as much room below them as the panel takes: see guide.css. */
  #fit() {
    document.documentElement.style.setProperty("--guide-height", `${this.#root.offsetHeight}px`);
    if (performance.now() - this.#opened_at < SETTLING_MS) this.#bring_into_sight();
  }

  get #menu() {
    return this.#find(".guide__lessons");
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

/** The elements of a lesson's words, which the server has made of Markdown without any markup in it. */
function parsed(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const link of body.querySelectorAll("a")) link.target = "_blank"; // the page stays as it is
  return [...body.childNodes];
}

// A frame of another site may be denied a storage: then progress lasts as long as the page.
function remembered() {
  try {
    const { current, seen } = JSON.parse(localStorage.getItem(MEMORY));
    return { current, seen: Array.from(seen) };
  } catch {
    return { current: null, seen: [] };
  }
}

function remember(progress) {
  try {
    localStorage.setItem(MEMORY, JSON.stringify(progress));
  } catch {
    // As above.
  }
}
