// Sharing: a link to the moment that the page shows, as a text and as a QR code; and from the same
// link a course page, with a task and only the controls that it needs.

import { API } from "../shared/client.js";
import * as Course from "./course.js";
import { closable } from "../shared/dialog.js";
import { element } from "../shared/dom.js";
import { encode } from "./link.js";
import { say } from "../shared/messages.js";

const SHOWN_MS = 2000; // that it has been copied
const QR_BYTES_MAX = 2331; // as of the API
const USUAL = { tokens: 20, choices: 3, steps: 1 }; // how many of them a task asks for
const KEPT = ["lang", "__theme"]; // of the page's own address; a moment says nothing of them

export class Share {
  #dialog;
  #capture;
  #sessions;
  #moment = null;

  /** capture() → {moment, lost}; sessions() → those that a course page can be given. */
  constructor(dialog, { capture, sessions }) {
    this.#dialog = dialog;
    this.#capture = capture;
    this.#sessions = sessions;
    closable(dialog);
    dialog.addEventListener("click", (event) => {
      const button = event.target.closest("[data-copy]");
      if (button) this.#copy(button, dialog.querySelector("#" + button.dataset.copy));
    });
    this.#form.addEventListener("input", () => this.#draw_course());
    this.#form.elements.what.addEventListener("change", ({ target }) => {
      this.#form.elements.count.value = USUAL[target.value] ?? 1;
      this.#draw_course();
    });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#find(".share__code").addEventListener("toggle", () => this.#draw_code());
  }

  open() {
    const { moment, lost } = this.#capture();
    this.#moment = moment;
    this.#find(".share__lost").replaceChildren(...lost.map((text) => element("li", "", text)));
    this.#find("#share-link").value = this.#address(this.#moment);
    this.#find(".share__said").textContent = "";
    this.#offer_models();
    this.#form.elements.prompt.value = this.#moment.prompt;
    this.#draw_course();
    this.#draw_code();
    this.#dialog.showModal();
    this.#find("#share-link").select();
  }

  #address(moment, course = {}) {
    const here = new URL(location.href);
    const kept = KEPT.filter((name) => here.searchParams.has(name)).map((name) => [name, here.searchParams.get(name)]);
    return `${here.origin}${here.pathname}?${encode(moment, [...Course.encode(course), ...kept])}`;
  }

  async #copy(button, field) {
    field.focus();
    field.select();
    let copied = true;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      copied = document.execCommand("copy"); // a frame may be denied the clipboard
    }
    this.#find(".share__said").textContent = say(copied ? "share.copied" : "share.copy_yourself");
    if (!copied) return;
    button.textContent = say("share.copied");
    setTimeout(() => (button.textContent = say("share.copy")), SHOWN_MS);
  }

  #draw_code() {
    if (!this.#find(".share__code").open) return;
    const link = this.#find("#share-link").value;
    const fits = link.length <= QR_BYTES_MAX;
    this.#find(".share__qr").hidden = !fits;
    this.#find(".share__qr-too-long").hidden = fits;
    if (fits) this.#find(".share__qr").src = new URL(`qr?text=${encodeURIComponent(link)}`, API);
  }

  // A course page

  #offer_models() {
    const { model } = this.#moment;
    const sessions = this.#sessions().filter(({ source }) => source !== "live");
    this.#form.elements.model.replaceChildren(...sessions.map((session) => {
      const option = element("option", "", session.repo_id ?? session.name);
      option.value = session.session_id;
      option.selected = (session.repo_id ?? session.session_id) === model;
      return option;
    }));
  }

  #draw_course() {
    const { prompt, model, show, task, what, count, form } = this.#form.elements;
    // A frame holds the playground alone: there is no slider to move.
    const embed = form.value === "iframe";
    [...what.options].find(({ value }) => value === "steps").disabled = embed;
    if (embed && what.value === "steps") what.value = "";
    count.closest(".course__count").hidden = !what.value;
    const course = {
      embed,
      hide: [...show].filter((box) => !box.checked).map((box) => box.value),
      task: task.value.trim(),
      done: what.value ? { what: what.value, count: within(1, count.valueAsNumber, Number(count.max)) } : null,
    };
    const address = this.#address(this.#begun(prompt.value, model.value), course);
    this.#find("#course-result").value = written(address, form.value);
  }

  /** The moment with another prompt or model; what was written by this one does not go with those. */
  #begun(prompt, session_id) {
    const chosen = this.#sessions().find((session) => session.session_id === session_id);
    const model = chosen && (chosen.repo_id ?? chosen.session_id);
    const same = prompt === this.#moment.prompt && model === this.#moment.model;
    if (same || !chosen) return this.#moment;
    const { revision, step } = model === this.#moment.model ? this.#moment : { ...chosen, step: undefined };
    return { ...this.#moment, prompt, model, revision, step, written: [], chosen: [] };
  }

  get #form() {
    return this.#find(".course__form");
  }

  #find(selector) {
    return this.#dialog.querySelector(selector);
  }
}

const within = (low, value, high) => Math.min(high, Math.max(low, Math.trunc(value) || low));

/** An address in the form of a "link", an "iframe" or "markdown". */
function written(address, form) {
  if (form === "markdown") return `[${say("course.link_text")}](${address})`;
  if (form === "link") return address;
  const frame = element("iframe", "");
  Object.assign(frame, { src: address, width: "100%", height: "760", title: say("course.frame_title"), loading: "lazy" });
  frame.style.border = "0";
  frame.allow = "clipboard-write";
  frame.removeAttribute("class");
  return frame.outerHTML;
}
