// The dialog for sharing: a link to the page's state, as a text and as a QR code; and a course page
// made of the same link, with a task and only the controls that it needs.

/** @import { Course, Session, Snapshot } from "../types.js" */

import { API } from "../shared/client.js";
import { config } from "../shared/config.js";
import { makeClosable } from "../shared/dialog.js";
import { closestTarget, createElement, find } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import * as courses from "./course.js";
import { encode } from "./link.js";

const COPIED_MS = 2000;
const FRAME_HEIGHT = "760";
const OWN_PARAMETERS = ["lang", "__theme"]; // of the page's address; not part of a snapshot

export class ShareDialog {
  #dialog;
  #capture;
  #getSessions;
  /** @type {Snapshot | null} */
  #snapshot = null;

  /** @param {HTMLDialogElement} dialog
   * @param {object} options
   * @param {() => { snapshot: Snapshot, lost: string[] }} options.capture
   * @param {() => Session[]} options.getSessions that a course page can be given */
  constructor(dialog, { capture, getSessions }) {
    this.#dialog = dialog;
    this.#capture = capture;
    this.#getSessions = getSessions;
    makeClosable(dialog);
    dialog.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-copy]");
      if (button) this.#copy(button, find(dialog, "#" + button.dataset.copy));
    });
    const { prompt, task, what, count } = this.#fields;
    prompt.maxLength = config.link.prompt_max;
    task.maxLength = config.course.task_max;
    count.max = String(config.course.count_max);
    this.#form.addEventListener("input", () => this.#drawCourse());
    what.addEventListener("change", () => {
      count.value = String(config.course.goals[what.value] ?? 1);
      this.#drawCourse();
    });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#code.addEventListener("toggle", () => this.#drawCode());
  }

  open() {
    const { snapshot, lost } = this.#capture();
    this.#snapshot = snapshot;
    find(this.#dialog, ".share__lost").replaceChildren(...lost.map((text) => createElement("li", "", text)));
    this.#link.value = this.#createAddress(snapshot);
    find(this.#dialog, ".share__said").textContent = "";
    this.#drawModels(snapshot);
    this.#fields.prompt.value = snapshot.prompt;
    this.#drawCourse();
    this.#drawCode();
    this.#dialog.showModal();
    this.#link.select();
  }

  /** @param {Snapshot} snapshot @param {Partial<Course>} [course] */
  #createAddress(snapshot, course = {}) {
    const here = new URL(location.href);
    /** @type {[string, string | null][]} */
    const own = OWN_PARAMETERS.filter((name) => here.searchParams.has(name)).map((name) => [name, here.searchParams.get(name)]);
    return `${here.origin}${here.pathname}?${encode(snapshot, [...courses.encode(course), ...own])}`;
  }

  /** @param {HTMLElement} button @param {HTMLElement} source */
  async #copy(button, source) {
    const field = /** @type {HTMLInputElement | HTMLTextAreaElement} */ (source);
    field.focus();
    field.select();
    let hasCopied = true;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      hasCopied = document.execCommand("copy"); // a frame may be denied the clipboard
    }
    find(this.#dialog, ".share__said").textContent = translate(hasCopied ? "share.copied" : "share.copy_yourself");
    if (!hasCopied) return;
    button.textContent = translate("share.copied");
    setTimeout(() => (button.textContent = translate("share.copy")), COPIED_MS);
  }

  #drawCode() {
    if (!this.#code.open) return;
    const link = this.#link.value;
    const fits = link.length <= config.qr_bytes_max;
    const image = find(this.#dialog, ".share__qr", HTMLImageElement);
    image.hidden = !fits;
    find(this.#dialog, ".share__qr-too-long").hidden = fits;
    if (fits) image.src = new URL(`qr?text=${encodeURIComponent(link)}`, API).href;
  }

  /** @param {Snapshot} snapshot */
  #drawModels({ model }) {
    const sessions = this.#getSessions().filter(({ source }) => source !== "live");
    this.#fields.model.replaceChildren(...sessions.map((session) => {
      const option = createElement("option", "", session.repo_id ?? session.name);
      option.value = session.session_id;
      option.selected = (session.repo_id ?? session.session_id) === model;
      return option;
    }));
  }

  #drawCourse() {
    if (!this.#snapshot) return;
    const { prompt, model, show, task, what, count, form } = this.#fields;
    // A frame holds the drawer alone: there is no slider of training steps to move.
    const embed = form.value === "iframe";
    for (const option of what.options) option.disabled = embed && option.value === "steps";
    if (embed && what.value === "steps") what.value = "";
    find(this.#form, ".course__count").hidden = !what.value;
    const course = /** @type {Course} */ ({
      embed,
      hide: [...show].filter((box) => !box.checked).map((box) => box.value),
      task: task.value.trim(),
      done: what.value ? { what: what.value, count: clamp(1, count.valueAsNumber, Number(count.max)) } : null,
    });
    const address = this.#createAddress(this.#withChanges(this.#snapshot, prompt.value, model.value), course);
    find(this.#dialog, "#course-result", HTMLTextAreaElement).value = formatAddress(address, form.value);
  }

  /** The snapshot with another prompt or model, which drop the generated text.
   * @param {Snapshot} snapshot @param {string} prompt @param {string} sessionId @returns {Snapshot} */
  #withChanges(snapshot, prompt, sessionId) {
    const chosen = this.#getSessions().find((session) => session.session_id === sessionId);
    const model = chosen && (chosen.repo_id ?? chosen.session_id);
    const isSame = prompt === snapshot.prompt && model === snapshot.model;
    if (isSame || !chosen) return snapshot;
    const { revision, step } = model === snapshot.model ? snapshot : { ...chosen, step: undefined };
    return { ...snapshot, prompt, model, revision, step, written: [], chosen: [] };
  }

  get #form() {
    return find(this.#dialog, ".course__form", HTMLFormElement);
  }

  /** @returns {{ prompt: HTMLTextAreaElement, model: HTMLSelectElement, show: NodeListOf<HTMLInputElement>,
   *   task: HTMLInputElement, what: HTMLSelectElement, count: HTMLInputElement, form: HTMLSelectElement }} */
  get #fields() {
    return /** @type {any} */ (this.#form.elements);
  }

  get #link() {
    return find(this.#dialog, "#share-link", HTMLInputElement);
  }

  get #code() {
    return find(this.#dialog, ".share__code", HTMLDetailsElement);
  }
}

/** @param {number} low @param {number} value @param {number} high */
const clamp = (low, value, high) => Math.min(high, Math.max(low, Math.trunc(value) || low));

/** An address as a "link", an "iframe" or "markdown".
 * @param {string} address @param {string} format */
function formatAddress(address, format) {
  if (format === "markdown") return `[${translate("course.link_text")}](${address})`;
  if (format === "link") return address;
  const frame = createElement("iframe");
  Object.assign(frame, { src: address, width: "100%", height: FRAME_HEIGHT, title: translate("course.frame_title"), loading: "lazy" });
  frame.style.border = "0";
  frame.allow = "clipboard-write";
  frame.removeAttribute("class");
  return frame.outerHTML;
}
