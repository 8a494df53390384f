// Puts the page's parts together: what the visitor does goes to the player, and every change of
// the player is drawn. Gradio's sliders and tabs report with `playground` events (see ui.py).

import * as client from "./shared/client.js";
import { Bars } from "./playback/bars.js";
import { Controls } from "./playback/controls.js";
import * as Course from "./sharing/course.js";
import { closable } from "./shared/dialog.js";
import { Drawer } from "./playback/drawer.js";
import { Alone, announce, body, embedded, scope, search } from "./embed/embed.js";
import { Teller } from "./embed/events.js";
import { sentence } from "./shared/failure.js";
import { keep_focus } from "./shared/focus.js";
import { Guide } from "./tutorial/guide.js";
import { Hub } from "./library/hub.js";
import { Input } from "./playback/input.js";
import { listen } from "./shared/keys.js";
import { linked, TAB } from "./training/learn.js";
import { Library } from "./library/library.js";
import { fill, say } from "./shared/messages.js";
import { Moments } from "./sharing/moments.js";
import { Output } from "./playback/output.js";
import { Player } from "./playback/player.js";
import { Share } from "./sharing/share.js";
import { Tabs } from "./playback/tabs.js";
import { Task } from "./sharing/task.js";
import { toast } from "./shared/toast.js";
import * as trainings from "./training/trainings.js";
import { Voice } from "./playback/voice.js";

let started = false;

export async function start() {
  if (started) return;
  started = true;
  const $ = await parts({
    bars: "#player .candidates",
    clear: "#clear",
    controls: "#regenerate",
    drawer: "#drawer",
    guide: "#guide .guide",
    hub: "#hub .hub",
    keys: "#keys-dialog",
    learning: "#learning",
    library: "#library",
    model: "#model .model",
    notes: "#input-notes .notes",
    other: "#player .candidate--other",
    output: "#player .output",
    pick: "#pick",
    player: "#player .player",
    share: "#share-dialog",
    seed: "#seed input",
    speed: "#speed input[type=range]",
    step_slider: "#training-step",
    task: "#task .task",
    temperature: "#temperature input[type=range]",
    textarea: "#input-text textarea",
    toggle: "[data-action=drawer]",
    top_k: "#top-k input[type=range]",
    top_p: "#top-p input[type=range]",
    tutorial: "[data-action=tutorial]",
    voice: "#player .voice",
  });
  fill(scope);
  name_controls($.pick);
  closable($.keys);
  keep_focus(body);

  const views = [new Output($.output), new Bars($.bars, $.other), new Input($.textarea, $.notes, edit), new Controls($.drawer), new Voice($.voice), new Teller(announce)];
  const input = views[2];
  const draw = () => views.forEach((view) => view.draw(player));
  const player = new Player({ generate: client.generate, changed: draw, trouble: toast });
  const drawer = embedded ? new Alone($.drawer) : new Drawer($.drawer, $.toggle);
  const tabs = new Tabs(player, input, trouble);
  const library = new Library($.library, $.learning, $.step_slider, (session, step) =>
    tell({ action: "session", tab: "library", session_id: session.session_id, name: session.name, step }));
  const hub = new Hub($.hub, (session, focus) => library.add(session, focus));
  const moments = new Moments({ player, input, drawer, tabs, library, hub, show_settings, open_tab });
  const guide = new Guide($.guide, { open: (link) => moments.open(link), shown: guided, trouble });
  const share = new Share($.share, { capture: () => moments.capture(), sessions: () => library.sessions });
  const task = new Task($.task, Course.decode(search), () => announce({ type: "done", reason: "task" }));
  views.push(task);
  draw();

  /** Have the sliders show settings that did not come from them. */
  function show_settings({ interval_ms, pick, temperature, top_k, top_p, seed }) {
    $.player.dataset.settings = JSON.stringify([interval_ms, pick, temperature, top_k, top_p, seed]);
    $.player.dispatchEvent(new Event("settings", { bubbles: true }));
  }

  function edit(text) {
    player.setPrompt(text);
    tabs.release();
  }

  async function load() {
    try {
      // A live session belongs to the tab that trains it.
      const offered = (await client.sessions()).filter(({ source }) => source !== "live");
      // First what came with the page: a featured model must not become the first choice.
      const sessions = [true, false].flatMap((own) => offered.filter(({ source }) => (source === "bundled") === own));
      library.show(sessions);
      const first = sessions.find((session) => session.params !== null);
      tabs.default = first ? { session_id: first.session_id, step: first.step } : null;
      if (first) library.choose(first.session_id);
      else tabs.follow();
      if (!embedded) show_own();
    } catch (failure) {
      library.fail(sentence(failure));
    }
  }

  /** What the visitor has trained and kept stands in the Library too. */
  async function show_own() {
    try {
      library.showOwn(await trainings.kept());
    } catch (failure) {
      if (failure.kind === undefined) throw failure; // else: the others are there
    }
  }

  /** The tutorial is there, or has been left. */
  function guided(is_there) {
    drawer.share(is_there);
    if (is_there) return;
    if (drawer.isModal) drawer.focus();
    else $.tutorial.focus();
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
    tab: ({ tab }) => {
      tabs.select(tab);
      if (tab === "library") show_own();
    },
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
    share: () => share.open(),
    keys: () => $.keys.showModal(),
    tutorial: () => guide.start(),
  };

  const act = (detail) => actions[detail.action]?.(detail);
  document.addEventListener("playground", (event) => act(event.detail));
  // Gradio's own buttons too: a click must not queue with its events, on Pause least of all.
  scope.addEventListener("click", (event) => {
    const source = event.target.closest?.("[data-action], #controls button, #clear");
    if (source) act({ action: source.dataset.action ?? source.id, source });
  });
  $.bars.addEventListener("click", (event) => {
    const row = event.target.closest("[data-token]");
    if (row) player.choose(row.dataset.token);
  });
  listen({
    toggle: () => drawer.isOpen && usable("#play, #pause") && (player.playing ? player.pause() : player.play(), true),
    choose: () => drawer.isOpen && player.canChoose && usable(".bars") && (player.choose(), true),
    move: (by) => drawer.isOpen && player.canChoose && usable(".bars") && (player.moveHighlight(by), true),
    close: () => drawer.close(),
    leave: (field) => $.drawer.contains(field) && (drawer.focus(), true),
    help: () => ($.keys.showModal(), true),
  }, scope);
  if (linked()) open_tab(TAB);
  await load();
  await moments.open(search);
  const lesson = new URLSearchParams(search).get("lesson");
  if (lesson && !embedded) guide.start(lesson);
  task.begin(player);
}

function open_tab(name) {
  if (embedded) return;
  document.getElementById(`tab-${name}-button`)?.click();
}

/** Whether a control of the drawer is there: a course page may have hidden it. */
function usable(selector) {
  return [...document.querySelectorAll(`#drawer :is(${selector})`)].some((control) => control.checkVisibility());
}

function tell(detail) {
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

/** What Gradio leaves without a name, or names in English: a slider is "range slider for Speed". */
function name_controls(pick) {
  for (const range of document.querySelectorAll("input[type=range]")) {
    const name = range.ariaLabel?.replace("range slider for ", "");
    if (!name) continue;
    range.ariaLabel = name;
    const field = range.closest(".block")?.querySelector("input[type=number]");
    if (field) field.ariaLabel = say("access.as_number", { name });
  }
  pick.ariaLabel = say("controls.pick");
}
