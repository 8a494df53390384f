// Capturing the state of the page as a snapshot, and restoring that of a link.

/** @import { PartialSnapshot, Snapshot } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { wasChosen, restore as restoreTrace } from "../playback/trace.js";
import { config } from "../shared/config.js";
import { openTab } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { toast } from "../shared/toast.js";
import { host } from "../embed/host.js";
import * as link from "./link.js";

/** The parts of the page that hold its state.
 * @typedef {object} Parts
 * @property {Player} player
 * @property {import("../playback/input.js").Input} input
 * @property {import("../playback/drawer.js").Drawer | import("../embed/embeddedDrawer.js").EmbeddedDrawer} drawer
 * @property {import("../playback/tabs.js").Tabs} tabs
 * @property {import("../library/library.js").Library} library
 * @property {import("../library/hubLoader.js").HubLoader} hubLoader
 * @property {import("../playback/settings.js").Settings} settings */

export class Snapshots {
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** A snapshot of the page, and messages about what it can't hold.
   * @returns {{ snapshot: Snapshot, lost: string[] }} */
  capture() {
    const { player, drawer, tabs } = this.#parts;
    const { session, step, trace } = player;
    const promptMax = config.link.prompt_max;
    const lost = [];
    /** @type {Snapshot} */
    const snapshot = {
      prompt: trace.prompt.slice(0, promptMax).join(""),
      sampling: { ...player.sampling, seed: player.usedSeed },
      intervalMs: player.intervalMs,
      tab: tabs.current,
      drawer: drawer.isOpen ? "open" : "closed",
      written: trace.steps.map(({ text }) => text),
      chosen: trace.steps.flatMap((one, index) => (wasChosen(one) ? [index] : [])),
    };
    if (session?.source === "live") lost.push(translate("share.live"));
    else if (session) {
      Object.assign(snapshot, { model: session.repo_id ?? session.session_id, revision: session.revision, step });
    }
    if (trace.prompt.length > promptMax) lost.push(translate("share.too_long", { count: promptMax }));
    return { snapshot, lost };
  }

  /** Restore the snapshot of a link; toasts for whatever differs from it.
   * @param {string} search */
  async open(search) {
    const { snapshot, problems } = link.decode(search);
    problems.forEach(({ key, params }) => toast(translate(key, params)));
    if (!snapshot) return;
    const { player, drawer, tabs } = this.#parts;
    if (snapshot.drawer) drawer.setOpen(snapshot.drawer === "open");
    if (snapshot.tab && !host.embedded) openTab(snapshot.tab);
    this.#restoreSettings(snapshot);
    await this.#restoreSession(snapshot);
    await tabs.follow();
    if (snapshot.prompt === undefined) return;
    const { known } = player.session ?? {};
    const tokens = this.#readablePart(snapshot.written).map((text) => ({ id: known?.get(text) ?? -1, text }));
    player.restore(restoreTrace(snapshot.prompt, tokens, snapshot.chosen));
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

  /** @param {PartialSnapshot} snapshot */
  #restoreSettings({ sampling, intervalMs }) {
    const { player, settings } = this.#parts;
    if (intervalMs) player.setInterval(intervalMs);
    settings.adopt(sampling);
  }

  /** Choose the model and its training step in the Library, or the nearest step there is. A step
   * without a model is one of the model that is shown.
   * @param {PartialSnapshot} snapshot */
  async #restoreSession({ model, revision, step }) {
    const { library, hubLoader } = this.#parts;
    if (model?.includes("/")) {
      await hubLoader.load(revision ? `${model}@${revision}` : model);
    } else if (model && library.has(model)) {
      library.choose(model);
    }
    const { session } = library;
    if (!session) return;
    if (model && (session.repo_id ?? session.session_id) !== model) {
      toast(translate("link.model_gone", { model }));
      return;
    }
    // A branch or a tag resolves to a commit and never equals it: not compared for the Hub.
    if (model && revision && !session.repo_id && session.revision !== revision) toast(translate("link.model_changed", { model }));
    if (step == null || session.steps.length === 0) return;
    const nearest = session.steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best));
    const name = session.repo_id ?? session.name;
    if (nearest !== step) toast(translate("link.step_gone", { model: name, step, nearest }));
    library.choose(session.session_id, nearest);
  }
}
