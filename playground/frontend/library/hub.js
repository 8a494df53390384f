// Models from the Hub: a field that loads one by its address, and the list of the published ones.
// What goes wrong is said beside the field; the session that is being played goes on.

import { element } from "../shared/dom.js";
import { words } from "../shared/failure.js";
import * as loads from "./loads.js";
import { language, say } from "../shared/messages.js";
import { amount, short } from "../shared/text.js";
import { toast } from "../shared/toast.js";

const ASK_EVERY_MS = 250;
const HICCUPS = 8; // answers in a row that may fail to come before a load is given up
const TYPING_MS = 200;
const SHOWN_MAX = 50;

export class Hub {
  #field;
  #form;
  #state;
  #progress;
  #opened;
  #load = null; // {id}: the one under way; what belongs to an earlier one is void

  /** opened(session, focus): called with a loaded session, and whether the focus is to go there. */
  constructor(root, opened) {
    const $ = (selector) => root.querySelector(selector);
    this.#opened = opened;
    this.#form = $(".hub__form");
    this.#field = $("#hub-model");
    this.#state = $(".hub__state");
    this.#progress = $("progress");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.load(this.#field.value);
    });
    $(".hub__again").addEventListener("click", () => this.load(this.#field.value));
    $(".hub__cancel").addEventListener("click", () => this.cancel());
    this.#field.addEventListener("input", () => this.#state.dataset.state === "failed" && this.#show("idle"));
    // Who leaves gives the load up; the server would notice only later.
    addEventListener("pagehide", () => this.#load?.id && loads.cancel(this.#load.id));
    new Published($(".published"), (repo_id) => this.load(repo_id));
  }

  /** Load the model of an address, and stop loading any other. */
  async load(address) {
    this.#give_up();
    this.#field.value = address;
    if (address.trim() === "") return this.#fail(say("hub.no_address"));
    const load = (this.#load = { id: null });
    const focused = this.#has_focus;
    this.#show("loading", say("hub.loading", { address: address.trim() }));
    this.#draw({ bytes: 0, total_bytes: null });
    if (focused) this.#field.focus(); // a button that was pressed is gone
    this.#state.scrollIntoView({ block: "nearest" });
    try {
      const end = await this.#follow(load, address.trim());
      if (load !== this.#load) return;
      this.#load = null;
      if (end.state !== "done") return this.#fail(end.error);
      const at_hand = this.#has_focus;
      this.#field.value = "";
      this.#show("done", say("hub.open", { repo: end.session.repo_id }));
      this.#opened(end.session, at_hand);
    } catch (failure) {
      if (failure.kind === undefined) throw failure;
      if (load !== this.#load) return;
      this.#give_up();
      this.#fail(words(failure));
    }
  }

  cancel() {
    if (!this.#load) return;
    this.#give_up();
    this.#show("cancelled", say("hub.cancelled"));
    this.#field.focus();
  }

  /** Ask how far a load is until it has ended; how it ended. */
  async #follow(load, address) {
    let told = await loads.start(address);
    if (load !== this.#load) loads.cancel(told.load_id);
    load.id = told.load_id;
    let hiccups = 0;
    while (load === this.#load && told.state === "loading") {
      this.#draw(told);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (load !== this.#load) break;
      try {
        told = await loads.follow(load.id);
        hiccups = 0;
      } catch (failure) {
        if (failure.kind === "http" || ++hiccups > HICCUPS) throw failure;
      }
    }
    return told;
  }

  #give_up() {
    const { id } = this.#load ?? {};
    this.#load = null;
    if (id) loads.cancel(id);
  }

  #fail(text) {
    const focused = this.#has_focus;
    this.#show("failed", text);
    if (focused) this.#field.focus();
  }

  get #has_focus() {
    return [this.#form, this.#state].some((part) => part.contains(document.activeElement));
  }

  /** state: idle, loading, done, cancelled or failed. */
  #show(state, text = "") {
    this.#state.dataset.state = state;
    this.#form.dataset.loading = String(state === "loading");
    this.#form.querySelector("button").disabled = state === "loading";
    this.#field.readOnly = state === "loading";
    this.#field.setAttribute("aria-invalid", String(state === "failed"));
    this.#find(".hub__failure").textContent = state === "failed" ? text : "";
    this.#find(".hub__said").textContent = state === "failed" ? "" : text;
    this.#progress.ariaLabel = state === "loading" ? text : "";
    // Behind a drawer that lies over the page, or in another tab, nobody sees all this.
    const seen = this.#form.checkVisibility() && !this.#form.closest("[inert]");
    if (!seen && (state === "loading" || state === "failed")) toast(text);
  }

  #draw({ bytes, total_bytes }) {
    if (total_bytes) this.#progress.value = bytes / total_bytes;
    else this.#progress.removeAttribute("value");
    this.#find(".hub__bytes").textContent = total_bytes ? amount(bytes, total_bytes) : say("hub.asking");
  }

  #find(selector) {
    return this.#state.querySelector(selector);
  }
}

/** The list of published models: nothing is asked before it is opened. */
class Published {
  #search;
  #list;
  #note;
  #again;
  #load;
  #asking = null;
  #soon = 0;

  /** load(repo_id): called when the visitor chooses one. */
  constructor(details, load) {
    this.#search = details.querySelector(".published__search");
    this.#list = details.querySelector(".published__models");
    this.#note = details.querySelector(".published__note p");
    this.#again = details.querySelector(".published__again");
    this.#load = load;
    details.addEventListener("toggle", () => details.open && this.#ask());
    this.#again.addEventListener("click", () => {
      this.#search.focus();
      this.#ask();
    });
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => this.#ask(), TYPING_MS);
    });
    this.#list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-repo]");
      if (row) this.#load(row.dataset.repo);
    });
  }

  async #ask() {
    clearTimeout(this.#soon);
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const search = this.#search.value.trim();
    this.#say(this.#list.children.length ? this.#note.textContent : say("hub.asking"));
    this.#list.ariaBusy = "true";
    try {
      const models = await loads.models(search, asking.signal);
      if (asking === this.#asking) this.#draw(models, search);
    } catch (failure) {
      if (failure.kind === undefined) throw failure;
      if (asking !== this.#asking) return;
      this.#list.replaceChildren();
      this.#say(words(failure), true);
    }
    this.#list.ariaBusy = "false";
  }

  #draw(models, search) {
    const beyond = models.length - SHOWN_MAX;
    this.#list.replaceChildren(...models.slice(0, SHOWN_MAX).map(row));
    if (beyond > 0) this.#say(say("hub.more", { count: beyond }));
    else if (models.length) this.#say("");
    else if (search) this.#say(say("hub.nothing_found", { search }));
    else this.#say(say("hub.nothing_yet"));
  }

  #say(text, failed = false) {
    this.#note.textContent = text;
    this.#note.parentElement.dataset.failed = String(failed);
    this.#again.hidden = !failed;
  }
}

const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });

function row({ repo_id, likes, downloads, params, last_modified }) {
  const item = element("li", "");
  const button = element("button", "published__model");
  button.type = "button";
  button.dataset.repo = repo_id;
  const facts = [
    say("hub.likes", { count: likes, short: short(likes) }),
    say("hub.downloads", { count: downloads, short: short(downloads) }),
    params === null ? null : say("hub.params", { short: short(params) }),
    last_modified === null ? null : DAY.format(new Date(last_modified)),
  ];
  button.append(
    element("span", "published__name", repo_id), " ",
    element("span", "published__facts", facts.filter((fact) => fact !== null).join(" · ")),
  );
  item.append(button);
  return item;
}
