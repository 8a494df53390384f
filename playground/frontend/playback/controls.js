// Buttons, model line and status sentence: what the visitor can do now, and what is the matter.

import { element, write } from "../shared/dom.js";
import { say } from "../shared/messages.js";
import { short } from "../shared/text.js";

export class Controls {
  #drawer;
  #buttons;
  #line;
  #source;
  #status;
  #sentence;
  #remedy;
  #odds;
  #seed;

  constructor(drawer) {
    const $ = (selector) => drawer.querySelector(selector);
    this.#drawer = drawer;
    this.#buttons = {
      play: $("#play"),
      pause: $("#pause"),
      step: $("#step"),
      regenerate: $("#regenerate"),
      clear: $("#clear"),
    };
    this.#line = $(".model__line");
    this.#source = $(".model__source");
    this.#status = $(".status");
    this.#sentence = $(".status__text");
    this.#remedy = $("[data-action=remedy]");
    this.#odds = $(".bars-title__of");
    this.#seed = $("#seed input");
    this.#seed.value = ""; // Gradio shows 0 for no number: none is wanted, it says which one is used
  }

  draw(player) {
    const { status } = player;
    const { play, pause, step, regenerate, clear } = this.#buttons;
    const focused = document.activeElement;
    play.disabled = !player.canPlay;
    pause.disabled = !player.playing;
    step.disabled = !player.canChoose && player.choosing === null;
    regenerate.disabled = !player.canRegenerate;
    clear.disabled = player.trace.prompt.length === 0;
    // The focus goes on to the button that undoes what was just done, not to nowhere; and nothing
    // is scrolled for it, a page around this one least of all.
    if (focused === play && !pause.disabled) pause.focus({ preventScroll: true });
    if (focused === pause && !play.disabled) play.focus({ preventScroll: true });
    this.#drawer.dataset.status = status;
    this.#drawer.dataset.pick = player.sampling.pick;
    this.#draw_model(player);
    this.#draw_status(player);
    this.#draw_sampling(player);
  }

  #draw_model({ session, step }) {
    // Where both don't fit, the name gives way to the numbers.
    const [name, numbers] = session ? line(session, step) : [say(session === null ? "drawer.no_model" : "drawer.loading"), ""];
    if (this.#line.textContent !== name + numbers) {
      this.#line.replaceChildren(element("span", "model__name", name), element("span", "model__numbers", numbers));
    }
    this.#line.title = session?.name ?? "";
    this.#source.textContent = session ? origin(session) : "";
  }

  #draw_status(player) {
    const { text, remedy, tone = "" } = said(player);
    write(this.#sentence, text);
    this.#status.dataset.tone = tone;
    this.#remedy.hidden = !remedy;
    this.#remedy.textContent = remedy ?? "";
  }

  #draw_sampling({ sampling, seed }) {
    const { pick, temperature } = sampling;
    this.#odds.textContent = pick === "sample" && temperature !== 1
      ? say("drawer.odds_at", { temperature })
      : say("drawer.odds");
    if (sampling.seed === null) this.#seed.placeholder = String(seed);
  }
}

/** What a model is called, and its numbers. */
function line({ source, session_id, name, repo_id, params }, step) {
  const unnamed = source === "live" && name === session_id && name.startsWith("live-");
  const known_as = repo_id ?? (source === "bundled" ? session_id : unnamed ? say("drawer.new_model") : name);
  return [known_as, params === null ? say("drawer.untrained") : say("drawer.numbers", { params: short(params), step })];
}

function origin({ source, repo_id, commit }) {
  if (source === "hub") return say("drawer.hub", { repo: repo_id, commit: commit.slice(0, 7) });
  return say(source === "live" ? "drawer.live" : "drawer.bundled");
}

function said(player) {
  const { notice, status, next, session } = player;
  if (notice) {
    return { text: notice.text, remedy: notice.remedy ?? (notice.retry && say("status.try_again")), tone: "warning" };
  }
  if (player.waits) {
    return { text: say(session.source === "hub" ? "status.waiting_hub" : "status.waiting") };
  }
  return {
    loading: { text: say("status.loading") },
    "no-model": { text: say("status.no_model"), remedy: say("status.use_bundled"), tone: "warning" },
    "no-input": { text: say("status.no_input") },
    unknown: { text: say("status.unknown"), tone: "warning" },
    max: { text: say("status.max"), tone: "done" },
    end: { text: say("status.end"), tone: "done" },
    playing: { text: say("status.playing") },
    paused: { text: next ? say("status.paused") : "" },
  }[status];
}
