// Buttons, model line and status sentence: what the visitor can do now, and what is the matter.

import { short } from "./text.js";

const SOURCES = { bundled: "bundled with this page", live: "being trained on this page" };

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
    // The focus goes on to the button that undoes what was just done, not to nowhere.
    if (focused === play && !pause.disabled) pause.focus();
    if (focused === pause && !play.disabled) play.focus();
    this.#drawer.dataset.status = status;
    this.#drawer.dataset.pick = player.sampling.pick;
    this.#draw_model(player);
    this.#draw_status(player);
    this.#draw_sampling(player);
  }

  #draw_model({ session, step }) {
    // Where both don't fit, the name gives way to the numbers.
    const [name, numbers] = session ? line(session, step) : [session === null ? "No model" : "Loading…", ""];
    if (this.#line.textContent !== name + numbers) {
      this.#line.replaceChildren(part("model__name", name), part("model__numbers", numbers));
    }
    this.#line.title = session?.name ?? "";
    this.#source.textContent = session ? origin(session) : "";
  }

  #draw_status(player) {
    const { text, remedy, tone = "" } = said(player);
    if (this.#sentence.textContent !== text) this.#sentence.textContent = text;
    this.#status.dataset.tone = tone;
    this.#remedy.hidden = !remedy;
    this.#remedy.textContent = remedy ?? "";
  }

  #draw_sampling({ sampling, seed }) {
    const { pick, temperature } = sampling;
    this.#odds.textContent = pick === "Sample" && temperature !== 1
      ? `The odds at temperature ${temperature}`
      : "The odds for the next character";
    if (sampling.seed === null) this.#seed.placeholder = String(seed);
  }
}

/** What a model is called, and its numbers. */
function line({ source, session_id, name, repo_id, params }, step) {
  const unnamed = source === "live" && name === session_id && name.startsWith("live-");
  const known_as = repo_id ?? (source === "bundled" ? session_id : unnamed ? "New model" : name);
  return [known_as, params === null ? " · not trained yet" : ` · ${short(params)} params · step ${step}`];
}

function origin({ source, repo_id, commit }) {
  return source === "hub" ? `Hub ${repo_id}@${commit.slice(0, 7)}` : SOURCES[source];
}

function part(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function said(player) {
  const { notice, status, next, session } = player;
  if (notice) {
    return { text: notice.text, remedy: notice.remedy ?? (notice.retry && "Try again"), tone: "warning" };
  }
  if (player.waits) {
    const first = "Waiting… a training step is fetched when it is first used.";
    return { text: session.source === "hub" ? first : "Waiting for the model…" };
  }
  return {
    loading: { text: "Loading the models…" },
    "no-model": {
      text: "⚠️ No model trained. Train a model in any tab first.",
      remedy: "Use the bundled model",
      tone: "warning",
    },
    "no-input": { text: "Type something to get started..." },
    unknown: { text: "Replace the marked characters, then press Play.", tone: "warning" },
    max: { text: "✓ Reached max length (500 tokens)", tone: "done" },
    end: { text: "✓ Generation complete. Modify input to continue.", tone: "done" },
    playing: { text: "Writing… pause to change its mind." },
    paused: { text: next ? "Press Play, or choose a character below." : "" },
  }[status];
}
