// Puts the page's parts together: what the visitor does goes to the player, and every change of
// the player is drawn. Gradio's sliders and tabs report with `playground` events (see ui.py).

import * as client from "./client.js";
import { Bars } from "./bars.js";
import { Controls } from "./controls.js";
import { Drawer } from "./drawer.js";
import { Hub } from "./hub.js";
import { Input } from "./input.js";
import { listen } from "./keys.js";
import { linked, TAB } from "./learn.js";
import { Library } from "./library.js";
import { Output } from "./output.js";
import { Player, sentence } from "./player.js";
import { Tabs } from "./tabs.js";
import { toast } from "./toast.js";
import { tutorial } from "./tutorial.js";

let started = false;

export async function start() {
  if (started) return;
  started = true;
  const $ = await parts({
    bars: "#player .candidates",
    clear: "#clear",
    controls: "#regenerate",
    drawer: "#drawer",
    hub: "#hub .hub",
    learning: "#learning",
    library: "#library",
    model: "#model .model",
    notes: "#input-notes .notes",
    other: "#player .candidate--other",
    output: "#player .output",
    step_slider: "#training-step",
    seed: "#seed input",
    textarea: "#input-text textarea",
    toggle: "[data-action=drawer]",
    tutorial: "#tutorial-dialog",
  });
  name_sliders();

  const views = [new Output($.output), new Bars($.bars, $.other), new Input($.textarea, $.notes, edit), new Controls($.drawer)];
  const input = views[2];
  const draw = () => views.forEach((view) => view.draw(player));
  const player = new Player({ generate: client.generate, changed: draw, trouble: toast });
  const drawer = new Drawer($.drawer, $.toggle);
  const tabs = new Tabs(player, input, trouble);
  const library = new Library($.library, $.learning, $.step_slider, (session, step) =>
    say({ action: "session", tab: "Library", session_id: session.session_id, step }));
  const hub = new Hub($.hub, (session, focus) => library.add(session, focus));
  draw();

  function edit(text) {
    player.setPrompt(text);
    tabs.release();
  }

  async function load() {
    try {
      // A live session belongs to the tab that trains it.
      const offered = (await client.sessions()).filter(({ source }) => source !== "live");
      // First what came with the page: what others have loaded must not become the first choice.
      const sessions = [true, false].flatMap((own) => offered.filter(({ source }) => (source === "bundled") === own));
      library.show(sessions);
      const first = sessions.find((session) => session.params !== null);
      tabs.default = first ? { session_id: first.session_id, step: first.step } : null;
      if (first) library.choose(first.session_id);
      else tabs.follow();
    } catch (failure) {
      library.fail(sentence(failure));
    }
  }

  async function substitute() {
    const text = input.text;
    try {
      const answer = await client.substitute(player.session.session_id, text);
      if (input.text === text) input.write(answer.text);
    } catch (failure) {
      trouble(failure);
    }
  }

  function trouble(failure) {
    if (failure.kind === undefined) throw failure;
    if (failure.kind !== "aborted") toast(sentence(failure));
  }

  const actions = {
    clear: () => {
      input.write("");
      input.focus();
    },
    play: () => player.play(),
    pause: () => player.pause(),
    step: () => player.choose(),
    regenerate: () => player.regenerate(),
    speed: ({ value }) => player.setInterval(value),
    pick: ({ value }) => player.setSampling({ pick: value }),
    temperature: ({ value }) => player.setSampling({ temperature: Number(value.toFixed(2)) }),
    "top-k": ({ value }) => player.setSampling({ top_k: value }),
    "top-p": ({ value }) => player.setSampling({ top_p: Number(value.toFixed(2)) }),
    seed: ({ value }) => player.setSampling({ seed: value === null ? null : Math.abs(Math.trunc(value)) }),
    "training-step": ({ value }) => library.moveTo(value),
    tab: ({ tab }) => tabs.select(tab),
    session: (detail) => tabs.setSession(detail),
    substitute,
    reload: load,
    remedy: () => {
      if (player.status === "no-model") tabs.useDefault();
      else if (player.notice?.locks) tabs.release();
      else if (player.session.vocabulary.length) player.retry();
      else tabs.follow(); // it may have got a model by now
    },
    drawer: ({ source }) => drawer.toggle(source),
    open: ({ source }) => {
      library.choose(source.dataset.session);
      drawer.open(source);
    },
    close: () => drawer.close(),
    ...tutorial($.tutorial, { drawer, library, player }),
  };

  const act = (detail) => actions[detail.action]?.(detail);
  document.addEventListener("playground", (event) => act(event.detail));
  // Gradio's own buttons too: a click must not queue with its events, on Pause least of all.
  document.addEventListener("click", (event) => {
    const source = event.target.closest?.("[data-action], #controls button, #clear");
    if (source) act({ action: source.dataset.action ?? source.id, source });
  });
  $.bars.addEventListener("click", (event) => {
    const row = event.target.closest("[data-token]");
    if (row) player.choose(row.dataset.token);
  });
  listen({
    toggle: () => drawer.isOpen && (player.playing ? player.pause() : player.play(), true),
    choose: () => drawer.isOpen && player.canChoose && (player.choose(), true),
    move: (by) => drawer.isOpen && player.canChoose && (player.moveHighlight(by), true),
    close: () => drawer.isOpen && (drawer.close(), true),
    leave: (field) => $.drawer.contains(field) && (drawer.focus(), true),
  });
  if (linked()) open_tab(TAB);
  await load();
  const asked = new URLSearchParams(location.search).get("model");
  if (library.has(asked)) library.choose(asked);
  else if (asked) hub.load(asked);
}

function open_tab(name) {
  [...document.querySelectorAll("#tabs [role=tab]")].find((tab) => tab.textContent.trim() === name)?.click();
}

function say(detail) {
  document.dispatchEvent(new CustomEvent("playground", { detail }));
}

/** The elements of these selectors, as soon as all of them are in the page. */
function parts(selectors) {
  return new Promise((resolve) => {
    const look = () => {
      const found = Object.entries(selectors).map(([name, at]) => [name, document.querySelector(at)]);
      if (found.every(([, element]) => element)) {
        observer.disconnect();
        resolve(Object.fromEntries(found));
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}

/** Gradio names a slider "range slider for Speed"; its label says it better. */
function name_sliders() {
  for (const range of document.querySelectorAll("input[type=range]")) {
    const name = range.ariaLabel?.replace("range slider for ", "");
    if (name) range.ariaLabel = name;
  }
}
