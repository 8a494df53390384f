// Links: the moment that the page shows, and bringing the page to the moment that a link tells.

import * as Link from "./link.js";
import { say } from "../shared/messages.js";
import { toast } from "../shared/toast.js";
import * as Trace from "../playback/trace.js";

export class Moments {
  #page;

  /** page: {player, input, drawer, tabs, library, hub, show_settings, open_tab} */
  constructor(page) {
    this.#page = page;
  }

  /** {moment, lost}: what a link to this moment holds, and messages about what it can't hold. */
  capture() {
    const { player, drawer, tabs } = this.#page;
    const { session, step, trace } = player;
    const lost = [];
    const moment = {
      prompt: trace.prompt.slice(0, Link.PROMPT_MAX).join(""),
      sampling: { ...player.sampling, seed: player.usedSeed },
      interval_ms: player.interval_ms,
      tab: tabs.current,
      drawer: drawer.isOpen ? "open" : "closed",
      written: trace.steps.map(({ token }) => token),
      chosen: trace.steps.flatMap((one, index) => (Trace.was_chosen(one) ? [index] : [])),
    };
    if (session?.source === "live") lost.push(say("share.live"));
    else if (session) Object.assign(moment, { model: session.repo_id ?? session.session_id, revision: session.revision, step });
    if (trace.prompt.length > Link.PROMPT_MAX) lost.push(say("share.too_long", { count: Link.PROMPT_MAX }));
    return { moment, lost };
  }

  /** Bring the page to the moment of a link. What is not as the link says, the visitor is told. */
  async open(search) {
    const { moment, problems } = Link.decode(search);
    problems.forEach(({ key, params }) => toast(say(key, params)));
    if (!moment) return;
    const { player, input, drawer, tabs } = this.#page;
    if (moment.drawer) drawer.set(moment.drawer === "open");
    if (moment.tab) this.#page.open_tab(moment.tab);
    this.#set(moment);
    await this.#choose(moment);
    await tabs.follow();
    if (moment.prompt === undefined) return;
    input.write(moment.prompt);
    player.restore(Trace.written(moment.prompt, this.#readable(moment.written), moment.chosen));
  }

  /** What was written, up to where the model that is here instead can't read it. */
  #readable(written) {
    const known = this.#page.player.session?.known;
    const end = known?.size ? written.findIndex((token) => !known.has(token)) : -1;
    if (end < 0) return written;
    toast(say("link.unknown_written"));
    return written.slice(0, end);
  }

  #set({ sampling, interval_ms }) {
    const { player } = this.#page;
    if (interval_ms) player.setInterval(interval_ms);
    player.setSampling(sampling);
    this.#page.show_settings({ ...player.sampling, interval_ms: player.interval_ms });
  }

  /** Have the Library choose the model and its training step, as near as can be had. */
  async #choose({ model, revision, step }) {
    const { library, hub } = this.#page;
    if (model?.includes("/")) {
      await hub.load(revision ? `${model}@${revision}` : model);
    } else if (library.has(model)) {
      library.choose(model);
    }
    const { session } = library;
    if (!model || !session) return;
    if ((session.repo_id ?? session.session_id) !== model) return toast(say("link.model_gone", { model }));
    // A branch or a tag names a commit, and is not one.
    if (revision && !session.repo_id && session.revision !== revision) toast(say("link.model_changed", { model }));
    if (step === undefined) return;
    const nearest = session.steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best));
    if (nearest !== step) toast(say("link.step_gone", { model, step, nearest }));
    library.choose(session.session_id, nearest);
  }
}
