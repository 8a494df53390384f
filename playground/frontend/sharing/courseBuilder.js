// The form that makes a course page of a snapshot: another prompt or model, only the controls that the
// lesson needs, a task, a theme; as a link, a frame or Markdown, with a QR code and a preview.

/** @import { Course, Goal, Session, Snapshot } from "../types.js" */

import { host } from "../embed/host.js";
import { clampToRange } from "../playback/sampling.js";
import { config } from "../shared/config.js";
import { createElement, find } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { modelOf, sessionName } from "../shared/session.js";
import { createAddress } from "./address.js";
import { isReachable } from "./course.js";
import { Preview } from "./preview.js";
import { QrCode } from "./qrCode.js";

const FRAME_HEIGHT = "760";

export class CourseBuilder {
  #form;
  #getSessions;
  #code;
  #preview;
  /** @type {Snapshot | null} */
  #snapshot = null;
  /** The goal's count as the address has it. */
  #count = 1;

  /** @param {HTMLFormElement} form
   * @param {() => Session[]} getSessions that a course page can be given */
  constructor(form, getSessions) {
    this.#form = form;
    this.#getSessions = getSessions;
    this.#code = new QrCode(find(form, ".course__code", HTMLDetailsElement));
    this.#preview = new Preview(find(form, ".course__preview", HTMLDetailsElement));
    find(form, ".course__panels").replaceChildren(...config.explore.panels.map(createPanelBox));
    const { prompt, task, what, count, theme } = this.#fields;
    prompt.maxLength = config.link.prompt_max;
    task.maxLength = config.course.task_max;
    count.max = String(config.course.count_max);
    theme.value = new URLSearchParams(host.search).get("__theme") ?? "";
    if (theme.selectedIndex < 0) theme.value = "";
    form.addEventListener("input", () => this.#draw());
    what.addEventListener("change", () => {
      this.#count = config.course.goals[what.value] ?? 1;
      this.#writeCount();
      this.#draw();
    });
    count.addEventListener("change", () => this.#writeCount());
    count.addEventListener("focusout", () => this.#writeCount());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Begin with a snapshot; what else was set stays.
   * @param {Snapshot} snapshot */
  open(snapshot) {
    this.#snapshot = snapshot;
    this.#drawModels(snapshot);
    this.#fields.prompt.value = snapshot.prompt;
    this.#draw();
  }

  close() {
    this.#preview.clear();
  }

  /** @param {Snapshot} snapshot */
  #drawModels({ model }) {
    const sessions = this.#getSessions().filter(({ source }) => source !== "live");
    this.#fields.model.replaceChildren(...sessions.map((session) => {
      const option = createElement("option", "", sessionName(session));
      option.value = session.session_id;
      option.selected = modelOf(session) === model;
      return option;
    }));
  }

  #draw() {
    if (!this.#snapshot) return;
    const { prompt, model, what, count, theme, form } = this.#fields;
    const hide = this.#hide;
    for (const option of what.options) option.disabled = option.value !== "" && !isReachable(/** @type {Goal["what"]} */ (option.value), hide);
    if (what.selectedOptions[0]?.disabled) what.value = "";
    find(this.#form, ".course__count").hidden = !what.value;
    const range = { low: Number(count.min), high: Number(count.max), step: 1, default: 1 };
    this.#count = clampToRange(range, count.valueAsNumber, this.#count);
    const snapshot = this.#withChanges(this.#snapshot, prompt.value, model.value);
    const address = createAddress(snapshot, this.#course, { __theme: theme.value });
    find(this.#form, "#course-result", HTMLTextAreaElement).value = formatAddress(address, form.value);
    find(this.#form, ".course__open", HTMLAnchorElement).href = address;
    this.#code.show(form.value === "iframe" ? null : address);
    this.#preview.show(address);
  }

  /** Have the field show the count that the address has. */
  #writeCount() {
    const { count } = this.#fields;
    if (count.value !== String(this.#count)) count.value = String(this.#count);
  }

  /** The controls that are not shown. */
  get #hide() {
    return [...this.#fields.show].filter((box) => !box.checked).map((box) => box.value);
  }

  /** @returns {Course} */
  get #course() {
    const { task, what, form } = this.#fields;
    return {
      embed: form.value === "iframe",
      hide: this.#hide,
      task: task.value.trim(),
      done: what.value ? { what: /** @type {Goal["what"]} */ (what.value), count: this.#count } : null,
    };
  }

  /** The snapshot with another prompt or model, which drop the generated text.
   * @param {Snapshot} snapshot @param {string} prompt @param {string} sessionId @returns {Snapshot} */
  #withChanges(snapshot, prompt, sessionId) {
    const chosen = this.#getSessions().find((session) => session.session_id === sessionId);
    const model = chosen && modelOf(chosen);
    const isSame = prompt === snapshot.prompt && model === snapshot.model;
    if (isSame || !chosen) return snapshot;
    const { revision, step } = model === snapshot.model ? snapshot : { ...chosen, step: undefined };
    return { ...snapshot, prompt, model, revision, step, written: [], chosen: [], ids: undefined, name: undefined };
  }

  /** @returns {{ prompt: HTMLTextAreaElement, model: HTMLSelectElement, show: NodeListOf<HTMLInputElement>,
   *   task: HTMLInputElement, what: HTMLSelectElement, count: HTMLInputElement, theme: HTMLSelectElement,
   *   form: HTMLSelectElement }} */
  get #fields() {
    return /** @type {any} */ (this.#form.elements);
  }
}

/** The checkbox that shows a panel of Explore.
 * @param {string} name */
function createPanelBox(name) {
  const label = createElement("label");
  const box = createElement("input");
  Object.assign(box, { type: "checkbox", name: "show", value: name, defaultChecked: true });
  label.append(box, " ", createElement("span", "", translate(`explore.${name}`)));
  return label;
}

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
