// Loading a model from the Hub by its address. Errors are shown beside the field; the session in use
// continues.

/** @import { Load, Session } from "../types.js" */

import { config } from "../shared/config.js";
import { find, isVisible } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { apiMessage, asRequestError } from "../shared/requestError.js";
import { formatBytes } from "../shared/text.js";
import { toast } from "../shared/toast.js";
import * as hubApi from "./hubApi.js";

/** @typedef {"idle" | "loading" | "done" | "cancelled" | "failed"} LoaderState */

export class HubLoader {
  #field;
  #form;
  #state;
  #progress;
  #onLoaded;
  /** The load under way; responses to an earlier one are discarded.
   * @type {{ id: string | null } | null} */
  #load = null;

  /** @param {HTMLElement} root
   * @param {(session: Session, focus: boolean) => void} onLoaded focus: whether to move it there */
  constructor(root, onLoaded) {
    this.#onLoaded = onLoaded;
    this.#form = find(root, ".hub__form", HTMLFormElement);
    this.#field = find(root, "#hub-model", HTMLInputElement);
    this.#state = find(root, ".hub__state");
    this.#progress = find(root, "progress", HTMLProgressElement);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.load(this.#field.value);
    });
    find(root, ".hub__again").addEventListener("click", () => this.load(this.#field.value));
    find(root, ".hub__cancel").addEventListener("click", () => this.cancel());
    this.#field.addEventListener("input", () => this.#state.dataset.state === "failed" && this.#show("idle"));
    // The server would notice only later that nobody waits for it.
    addEventListener("pagehide", () => this.#load?.id && hubApi.cancelLoad(this.#load.id));
  }

  /** Load the model of an address, cancelling any other load.
   * @param {string} input */
  async load(input) {
    this.#abandon();
    this.#field.value = input;
    const address = input.trim();
    if (address === "") return this.#fail(translate("hub.no_address"));
    const load = (this.#load = { id: null });
    const hadFocus = this.#hasFocus;
    this.#show("loading", translate("hub.loading", { address }));
    this.#drawProgress({ bytes: 0, total_bytes: null });
    if (hadFocus) this.#field.focus(); // the button that was pressed is hidden
    this.#state.scrollIntoView({ block: "nearest" });
    try {
      const end = await this.#poll(load, address);
      if (load !== this.#load) return undefined;
      this.#load = null;
      if (end.state !== "done") return this.#fail(end.error);
      const focus = this.#hasFocus;
      this.#field.value = "";
      this.#show("done", translate("hub.open", { repo: end.session.repo_id }));
      this.#onLoaded(end.session, focus);
    } catch (error) {
      const failure = asRequestError(error);
      if (load !== this.#load) return undefined;
      this.#abandon();
      this.#fail(apiMessage(failure));
    }
    return undefined;
  }

  cancel() {
    if (!this.#load) return;
    this.#abandon();
    this.#show("cancelled", translate("hub.cancelled"));
    this.#field.focus();
  }

  /** Start a load and poll it until it has ended; resolves with its last state.
   * @param {{ id: string | null }} load @param {string} address @returns {Promise<Load>} */
  async #poll(load, address) {
    let status = await hubApi.startLoad(address);
    const id = status.load_id;
    if (load !== this.#load) hubApi.cancelLoad(id);
    load.id = id;
    let failures = 0;
    while (load === this.#load && status.state === "loading") {
      this.#drawProgress(status);
      await new Promise((resolve) => setTimeout(resolve, config.hub.poll_ms));
      if (load !== this.#load) break;
      try {
        status = await hubApi.getLoad(id);
        failures = 0;
      } catch (error) {
        if (asRequestError(error).kind === "http" || ++failures > config.hub.failed_polls_max) throw error;
      }
    }
    return status;
  }

  #abandon() {
    const { id } = this.#load ?? {};
    this.#load = null;
    if (id) hubApi.cancelLoad(id);
  }

  /** @param {string} text */
  #fail(text) {
    const hadFocus = this.#hasFocus;
    this.#show("failed", text);
    if (hadFocus) this.#field.focus();
  }

  get #hasFocus() {
    return [this.#form, this.#state].some((part) => part.contains(document.activeElement));
  }

  /** @param {LoaderState} state @param {string} [text] */
  #show(state, text = "") {
    const isLoading = state === "loading";
    const hasFailed = state === "failed";
    this.#state.dataset.state = state;
    this.#form.dataset.loading = String(isLoading);
    find(this.#form, "button", HTMLButtonElement).disabled = isLoading;
    this.#field.readOnly = isLoading;
    this.#field.setAttribute("aria-invalid", String(hasFailed));
    find(this.#state, ".hub__failure").textContent = hasFailed ? text : "";
    find(this.#state, ".hub__said").textContent = hasFailed ? "" : text;
    this.#progress.setAttribute("aria-label", isLoading ? text : "");
    // Behind a modal drawer, or in another tab, none of this is visible.
    const isSeen = isVisible(this.#form) && !this.#form.closest("[inert]");
    if (!isSeen && (isLoading || hasFailed)) toast(text);
  }

  /** @param {Pick<Load, "bytes" | "total_bytes">} status */
  #drawProgress({ bytes, total_bytes: total }) {
    if (total) this.#progress.value = bytes / total;
    else this.#progress.removeAttribute("value");
    find(this.#state, ".hub__bytes").textContent = total ? formatBytes(bytes, total) : translate("hub.asking");
  }
}
