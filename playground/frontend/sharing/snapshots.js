// Capturing the state of the page as a snapshot, and restoring that of a link.

/** @import { PartialSnapshot, PlayableSession, Snapshot, Step, Token, Trace } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { nameOf } from "../playback/branches.js";
import { decodeTrace } from "../playback/moments.js";
import { TAB } from "../playback/tabs.js";
import { piecesOf, textOf, tokensAfter, tokensAt, typedTokens } from "../playback/tokens.js";
import { wasChosen, restore as restoreTrace, wholeSteps } from "../playback/trace.js";
import { tokenize } from "../shared/client.js";
import { config } from "../shared/config.js";
import { translate } from "../shared/messages.js";
import { asRequestError } from "../shared/requestError.js";
import { modelOf } from "../shared/session.js";
import { characters } from "../shared/text.js";
import { toast } from "../shared/toast.js";
import { createAddress } from "./address.js";
import { fitLink } from "./fitLink.js";
import * as link from "./link.js";

/** The parts of the page that hold its state.
 * @typedef {object} Parts
 * @property {Player} player
 * @property {import("../playback/drawer.js").Drawer | import("../embed/embeddedDrawer.js").EmbeddedDrawer} drawer
 * @property {import("../playback/tabs.js").Tabs} tabs
 * @property {import("../explore/explore.js").Explore} explore
 * @property {import("./restoration.js").Restoration} restoration */

/** A text that was kept, with all that brings the page back to it.
 * @typedef {object} OpenedText
 * @property {import("./restoration.js").CheckpointRef} place
 * @property {import("../types.js").Sampling} sampling @property {number} [seed] in use unless the sampling has one
 * @property {import("../playback/moments.js").StoredTrace} trace */

export class Snapshots {
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** A snapshot of the page, and messages about what it can't hold.
   * @param {Trace} [trace] in place of the text on screen
   * @returns {{ snapshot: Snapshot, lost: string[] }} */
  capture(trace = this.#parts.player.trace) {
    const { player, drawer, tabs, explore } = this.#parts;
    const { session, step } = player;
    const promptMax = config.link.prompt_max;
    const prompt = characters(trace.text);
    const isCut = prompt.length > promptMax; // what was written does not follow on what is left of it
    const lost = [];
    /** @type {Snapshot} */
    const snapshot = {
      prompt: prompt.slice(0, promptMax).join(""),
      sampling: { ...player.sampling, seed: player.usedSeed },
      intervalMs: player.intervalMs,
      tab: tabs.current,
      drawer: drawer.isOpen ? "open" : "closed",
      explore: explore.location ?? undefined,
      ...(isCut ? { written: [], chosen: [] } : inTokens(wholeSteps(trace), session) ?? inCharacters(wholeSteps(trace), promptMax)),
      name: (!isCut && nameOf(trace)) || undefined,
    };
    if (session?.source === "live") lost.push(translate("share.live"));
    else if (session) {
      Object.assign(snapshot, { model: modelOf(session), revision: session.revision, step });
    }
    if (isCut || snapshot.written.length === promptMax) lost.push(translate("share.too_long", { count: promptMax }));
    return { snapshot, lost };
  }

  /** A snapshot with another text, short enough for a link that is sent through anything.
   * @param {Trace} trace @returns {{ snapshot: Snapshot, lost: string[] }} */
  captureShort(trace) {
    const { snapshot, lost } = this.capture(trace);
    const max = config.link.length_max;
    const fitted = fitLink(snapshot, (one) => createAddress(one).length, max);
    if (fitted.left > 0) lost.push(translate("share.full", { count: fitted.left, max }));
    return { snapshot: fitted.snapshot, lost };
  }

  /** Restore the snapshot of a link; toasts for whatever differs from it.
   * @param {string} search */
  async open(search) {
    const { snapshot, problems } = link.decode(search);
    problems.forEach(({ key, params }) => toast(translate(key, params)));
    if (!snapshot) return;
    const { drawer, model, revision, step, ...state } = snapshot;
    const isDrawerOpen = drawer === undefined ? undefined : drawer === "open";
    await this.#parts.restoration.restore(
      { ...state, isDrawerOpen, checkpoint: { model, revision, step } },
      (isCurrent) => this.#restoreText(snapshot, isCurrent),
    );
  }

  /** Show a text that was kept, in the Library's tab.
   * @param {OpenedText} opened */
  async openText({ trace: stored, place: checkpoint, ...state }) {
    const { player, tabs, restoration } = this.#parts;
    tabs.select(TAB);
    await restoration.restore({ ...state, checkpoint, tab: TAB }, async (isCurrent) => {
      await tabs.follow();
      if (!isCurrent()) return;
      const trace = decodeTrace(stored);
      const count = this.#readablePart(trace.steps.map(({ text }) => text)).length;
      player.restore({ ...trace, steps: trace.steps.slice(0, count) });
    });
  }

  /** @param {PartialSnapshot} snapshot @param {() => boolean} isCurrent */
  async #restoreText(snapshot, isCurrent) {
    const { player, tabs } = this.#parts;
    await tabs.follow();
    const { prompt, model, ids, name } = snapshot;
    if (prompt === undefined || !isCurrent()) return;
    const { session, author } = player;
    const { tokens_max: most } = config.generation;
    const isOwn = session?.tokenizer === "tokens" && ids !== undefined && model === modelOf(session);
    const { written, chosen } = isOwn ? snapshot : link.splitIntoCharacters(snapshot);
    const tokens = session?.tokenizer === "tokens" && written.length
      ? (await writtenTokens(session.session_id, prompt, written, isOwn ? ids : null))?.slice(0, most) : null;
    if (!isCurrent()) return;
    if (tokens) {
      const by = author && { ...author, params: undefined }; // with which settings isn't told
      player.restore(restoreTrace(prompt, tokens, isOwn ? chosen : tokensAt(tokens, chosen), tokens.map(() => by)), name);
    } else {
      const known = this.#readablePart(written.slice(0, most)).map((text) => ({ id: session?.known.get(text) ?? -1, text }));
      player.restore(restoreTrace(prompt, known, chosen), name);
    }
  }

  /** The tokens up to the first that the session's vocabulary lacks.
   * @param {string[]} tokens */
  #readablePart(tokens) {
    const known = this.#parts.player.session?.known;
    const end = known?.size ? tokens.findIndex((token) => !known.has(token)) : -1;
    if (end < 0) return tokens;
    toast(translate("link.unknown_written"));
    return tokens.slice(0, end);
  }
}

/** What was written, as a link holds the tokens of a model of word pieces; null where some were written by
 * another one, or by none that is known.
 * @param {Step[]} steps @param {PlayableSession | null | undefined} session */
function inTokens(steps, session) {
  const isOwn = steps.length > 0 && session?.tokenizer === "tokens" && steps.every(({ id, by }) => id >= 0 && by?.session_id === session.session_id);
  if (!isOwn) return null;
  return { written: piecesOf(steps), chosen: steps.flatMap((one, index) => (wasChosen(one) ? [index] : [])), ids: steps.map(({ id }) => id) };
}

/** What was written, as a link holds it: its characters, and which of them were chosen.
 * @param {Step[]} steps @param {number} most characters */
function inCharacters(steps, most) {
  /** @type {string[]} */
  const written = [];
  /** @type {number[]} */
  const chosen = [];
  piecesOf(steps).forEach((piece, index) => {
    if (wasChosen(steps[index]) && piece !== "") chosen.push(written.length);
    written.push(...characters(piece));
  });
  return { written: written.slice(0, most), chosen: chosen.filter((index) => index < most) };
}

/** The tokens of what was written after a prompt, for a model whose tokens are pieces of words; null
 * where there are none to be had: its characters stand, then.
 * @param {string} id of the session @param {string} prompt @param {string[]} written its parts
 * @param {number[] | null} ids of the tokens that show these parts, where they are known
 * @returns {Promise<Token[] | null>} */
async function writtenTokens(id, prompt, written, ids) {
  const own = ids && written.map((text, index) => ({ id: ids[index], text }));
  if (own && !written.includes("")) return own;
  const text = written.join("");
  try {
    const { tokens } = await tokenize({ session_id: id, text: prompt + text });
    const found = tokensAfter(typedTokens(prompt + text, tokens), characters(prompt).length);
    const plain = (found ?? []).map(({ id: token, text: shown, bytes }) => ({ id: token, text: shown, ...(bytes && { bytes }) }));
    const isSame = textOf(plain) === text && (!ids || plain.map((token) => token.id).join() === ids.join());
    return isSame ? plain : own;
  } catch (error) {
    asRequestError(error);
    return own;
  }
}
