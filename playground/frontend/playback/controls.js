// Buttons, model line and status: the commands that are possible, and why others are not.

/** @import { Session } from "../types.js" */
/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { createElement, find, setText } from "../shared/dom.js";
import { clearNumber } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { createPopover } from "../shared/popover.js";
import { shortCommit } from "../shared/session.js";
import { formatCompact, tokenLabel } from "../shared/text.js";
import { positionKey, tokenAt } from "./trace.js";

export class Controls {
  #drawer;
  #buttons;
  #line;
  #source;
  #status;
  #message;
  #remedy;
  #position;
  #menu;
  #barsTitle;
  #seed;

  /** @param {HTMLElement} drawer */
  constructor(drawer) {
    const button = (/** @type {string} */ selector) => find(drawer, selector, HTMLButtonElement);
    this.#drawer = drawer;
    this.#buttons = {
      play: button("#play"),
      pause: button("#pause"),
      step: button("#step"),
      regenerate: button("#regenerate"),
      clear: button("#clear"),
      write: button(".write__open"),
      undo: button("[data-action=undo]"),
      redo: button("[data-action=redo]"),
      writeTokens: button("[data-stop=tokens]"),
    };
    this.#line = find(drawer, ".model__line");
    this.#source = find(drawer, ".model__source");
    this.#status = find(drawer, ".status");
    this.#message = find(drawer, ".status__text");
    this.#remedy = find(drawer, "[data-action=remedy]");
    this.#position = find(drawer, ".bars-title__place");
    this.#barsTitle = find(drawer, ".bars-title__of");
    this.#seed = find(drawer, "#seed input", HTMLInputElement);
    clearNumber(this.#seed);
    this.#menu = createPopover(drawer, ".write__open", () => find(drawer, ".write__menu button").focus());
    find(drawer, ".write__menu").addEventListener("click", () => this.#menu.close());
  }

  /** @param {Player} player */
  draw(player) {
    const { play, pause, step, write, writeTokens, regenerate, clear, undo, redo } = this.#buttons;
    const focused = document.activeElement;
    play.disabled = !player.canPlay;
    pause.disabled = !player.playing;
    write.disabled = !player.canPlay;
    if (write.disabled) this.#menu.close();
    setText(writeTokens, translate("drawer.write_count", { count: config.generation.write_tokens }));
    step.disabled = !player.canChoose && player.choosing === null;
    regenerate.disabled = !player.canRegenerate;
    clear.disabled = player.trace.prompt.length === 0;
    undo.disabled = !player.canUndo;
    redo.disabled = !player.canRedo;
    // The focus moves to the button that undoes the command instead of being lost; without
    // scrolling, of an embedding page least of all.
    if ((focused === play || this.#buttons.write.parentElement?.contains(focused)) && !pause.disabled) pause.focus({ preventScroll: true });
    if (focused === regenerate && regenerate.disabled) play.focus({ preventScroll: true });
    if (focused === pause && !play.disabled) play.focus({ preventScroll: true });
    this.#drawer.dataset.status = player.status;
    this.#drawer.dataset.pick = player.sampling.pick;
    this.#drawModel(player);
    this.#drawStatus(player);
    this.#drawPosition(player);
    this.#drawSampling(player);
  }

  /** @param {Player} player */
  #drawModel({ session, step }) {
    // Where both don't fit, the name is truncated before the numbers.
    const [name, numbers] = session
      ? modelLine(session, step)
      : [translate(session === null ? "drawer.no_model" : "drawer.loading"), ""];
    if (this.#line.textContent !== name + numbers) {
      this.#line.replaceChildren(createElement("span", "model__name", name), createElement("span", "model__numbers", numbers));
    }
    this.#line.title = session && !isUnnamed(session) ? session.name : "";
    this.#source.textContent = session ? sourceLine(session) : "";
  }

  /** @param {Player} player */
  #drawStatus(player) {
    const { text, remedy, tone = "" } = statusOf(player);
    setText(this.#message, text);
    this.#status.dataset.tone = tone;
    this.#remedy.hidden = !remedy;
    this.#remedy.textContent = remedy ?? "";
  }

  /** @param {Player} player */
  #drawPosition({ caret, length, trace }) {
    const character = caret === null ? "" : tokenLabel(tokenAt(trace, caret) ?? "");
    const text = caret === null ? "" : translate(positionKey(trace), { number: caret + 1, length, character });
    setText(this.#position, text);
    this.#position.closest(".player")?.toggleAttribute("data-back", caret !== null);
  }

  /** @param {Player} player */
  #drawSampling({ sampling, seed, next, caret }) {
    const { pick, temperature, top_k: topK, top_p: topP } = sampling;
    const isSampled = pick === "sample" && caret !== 0;
    const isCut = isSampled && next !== null && (topK > 0 || topP < 1);
    const [plain, cut] = isSampled && temperature !== 1
      ? ["drawer.odds_at", "drawer.odds_at_cut"]
      : ["drawer.odds", "drawer.odds_cut"];
    setText(this.#barsTitle, translate(isCut ? cut : plain, { temperature }));
    if (sampling.seed === null) this.#seed.placeholder = String(seed);
  }
}

/** A model's name and its numbers.
 * @param {Session} session @param {number | null} step */
function modelLine(session, step) {
  const { source, session_id: id, name, repo_id: repo, params } = session;
  const ownName = isUnnamed(session) ? translate("drawer.new_model") : name;
  const shownName = repo ?? (source === "bundled" ? id : ownName);
  if (params === null) return [shownName, translate("drawer.untrained")];
  return [shownName, translate("drawer.numbers", { params: formatCompact(params), step })];
}

/** Whether it is one of the trainings before its first weights, which has an id only.
 * @param {Session} session */
const isUnnamed = ({ source, session_id: id, name }) => source === "live" && name === id && name.startsWith("live-");

/** @param {Session} session */
function sourceLine({ source, repo_id: repo, commit }) {
  if (source === "hub") return translate("drawer.hub", { repo, commit: shortCommit(commit ?? "") });
  return translate(source === "live" ? "drawer.live" : "drawer.bundled");
}

/** @param {Player} player @returns {{ text: string, remedy?: string, tone?: string }} */
function statusOf(player) {
  const { notice, status, next, session } = player;
  if (notice) {
    const canRetry = notice.retry || notice.isLost;
    const remedy = notice.remedy ?? (canRetry ? translate("status.try_again") : undefined);
    return { text: notice.text, remedy, tone: notice.tone ?? "warning" };
  }
  if (player.caret !== null) {
    const text = translate(player.hasDistribution ? "status.place" : "status.place_first");
    return { text: player.isWaiting ? translate("status.waiting") : text, remedy: translate("status.to_end") };
  }
  if (player.isWaiting) {
    return { text: translate(session?.source === "hub" ? "status.waiting_hub" : "status.waiting") };
  }
  return {
    loading: { text: translate("status.loading") },
    "no-model": { text: translate("status.no_model"), remedy: translate("status.use_bundled"), tone: "warning" },
    "no-input": { text: translate("status.no_input") },
    unknown: { text: translate("status.unknown"), tone: "warning" },
    max: { text: translate("status.max"), tone: "done" },
    end: { text: translate("status.end"), tone: "done" },
    playing: { text: translate("status.playing") },
    paused: { text: next ? otherAuthor(player) ?? translate("status.paused") : "" },
  }[status];
}

/** Whose text it is, where another model than the present one wrote its end.
 * @param {Player} player */
function otherAuthor({ trace, author }) {
  const by = trace.steps.at(-1)?.by;
  if (!by || !author || by.session_id === author.session_id) return null;
  return translate("status.written_by", { author: by.name, model: author.name });
}
