// Composition of the page: constructs its parts and wires them. Actions of the visitor change the
// player; every change of the player is drawn by the views.

/** @import { OpenedText } from "./sharing/snapshots.js" */
/** @import { ActionDetail, View } from "./types.js" */

import { EmbeddedDrawer } from "./embed/embeddedDrawer.js";
import { EventEmitter } from "./embed/events.js";
import { emit, host } from "./embed/host.js";
import { Explore } from "./explore/explore.js";
import { HubLoader } from "./library/hubLoader.js";
import { Library } from "./library/library.js";
import { PublishedModels } from "./library/publishedModels.js";
import { SessionLoader } from "./library/sessionLoader.js";
import { StepPanel } from "./library/stepPanel.js";
import { Bars } from "./playback/bars.js";
import { Controls } from "./playback/controls.js";
import { Drawer } from "./playback/drawer.js";
import { Help } from "./playback/help.js";
import { Input } from "./playback/input.js";
import { text as textOf } from "./playback/trace.js";
import { LiveRegion } from "./playback/liveRegion.js";
import { Moments } from "./playback/moments.js";
import { Output } from "./playback/output.js";
import { Player } from "./playback/player.js";
import { goByKey } from "./playback/positionKeys.js";
import { Settings } from "./playback/settings.js";
import { StepSlider } from "./playback/stepSlider.js";
import { STOPS } from "./playback/stops.js";
import { PickAnimation } from "./playback/pickAnimation.js";
import { TAB as LIBRARY_TAB, Tabs } from "./playback/tabs.js";
import { isTrained } from "./playback/unknown.js";
import { generate, getHealth, score, substitute, tokenize } from "./shared/client.js";
import { config } from "./shared/config.js";
import { Connection } from "./shared/connection.js";
import { makeClosable } from "./shared/dialog.js";
import { closestTarget, find, isVisible } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { dispatchAction, listenForActions, nameControls, openTab, setSettings, waitForElements } from "./shared/gradioPatches.js";
import { listenForKeys } from "./shared/keys.js";
import { nameTokens, translateMarkup } from "./shared/messages.js";
import { acceptDecimalCommas } from "./shared/numberFields.js";
import { asRequestError, describeError } from "./shared/requestError.js";
import { initialize } from "./shared/startup.js";
import { toast } from "./shared/toast.js";
import { followMoment } from "./sharing/address.js";
import * as courses from "./sharing/course.js";
import { Restoration } from "./sharing/restoration.js";
import { ShareDialog } from "./sharing/shareDialog.js";
import { Snapshots } from "./sharing/snapshots.js";
import { Task } from "./sharing/task.js";
import { linkedTraining, TAB as LEARN_TAB } from "./training/learn.js";
import { Guide } from "./tutorial/guide.js";

const SELECTORS = {
  bars: "#player .candidates",
  clear: "#clear",
  controls: "#regenerate",
  drawer: "#drawer",
  explore: "#explore-dialog",
  guide: "#guide .guide",
  hub: "#hub .hub",
  keys: "#keys-dialog",
  learning: "#learning",
  library: "#library",
  liveRegion: "#player .voice",
  model: "#model .model",
  notes: "#input-notes .notes",
  other: "#player .candidate--other",
  output: "#player .output",
  pick: "#pick",
  player: "#player .player",
  share: "#share-dialog",
  seed: "#seed input",
  speed: "#speed input[type=range]",
  stepSlider: "#training-step .step",
  task: "#task .task",
  temperature: "#temperature input[type=range]",
  textarea: "#input-text textarea",
  toggle: "[data-action=drawer]",
  topK: "#top-k input[type=range]",
  topP: "#top-p input[type=range]",
  tutorial: "[data-action=tutorial]",
};

/** @typedef {Record<keyof typeof SELECTORS, HTMLElement>} Elements
 * @typedef {Awaited<ReturnType<typeof createParts>>} Parts */

/** @type {Promise<void> | null} */
let started = null;

/** Start the page, once; resolves when it shows what its address asks for. */
export function start() {
  return (started ??= startPage());
}

async function startPage() {
  const [elements] = await Promise.all([waitForElements(SELECTORS), initialize()]);
  translateMarkup(host.scope);
  nameControls(elements.pick);
  makeClosable(dialogOf(elements.keys));
  keepFocus(host.body);
  acceptDecimalCommas(host.scope);
  const parts = createParts(elements);
  const actions = createActions(elements, parts);
  listenForActions(host.scope, (detail) => actions[detail.action]?.(detail));
  listenForBars(elements.bars, parts.player);
  listenForKeys(createShortcuts(elements, parts), host.scope);
  if (linkedTraining() && !host.embedded) openTab(LEARN_TAB);
  await openAddress(parts);
  parts.moments.begin();
}

/** @param {Elements} elements */
function createParts(elements) {
  const course = courses.decode(host.search);
  /** @type {View[]} */
  const views = [];
  const draw = () => {
    if (nameTokens(player.session?.tokenizer === "tokens")) translateMarkup(host.scope);
    views.forEach((view) => view.draw(player));
  };
  const connection = new Connection({ probe: getHealth, retryMs: config.requests.retry_ms });
  const player = new Player({ generate, score, tokenize, onChange: draw, onError: toast, onLost: () => connection.lose() });
  const settings = new Settings(player, elements.drawer, (values) => setSettings(elements.player, values));
  const input = new Input(/** @type {HTMLTextAreaElement} */ (elements.textarea), elements.notes, (text, kind) => {
    const { trace } = player;
    player.setPrompt(text, kind);
    if (player.trace !== trace) tabs.release(); // else the player's text was written into the field
  });
  const { output, bars, other, liveRegion } = elements;
  views.push(new Output(output, (position) => player.goTo(position)), new Bars(bars, other), new PickAnimation(bars, output), input, new Controls(elements.drawer));
  views.push(new LiveRegion(liveRegion), new EventEmitter(emit));
  const drawer = host.embedded ? new EmbeddedDrawer(elements.drawer) : new Drawer(elements.drawer, elements.toggle);
  const tabs = new Tabs(player, {
    onError: reportError,
    onLost: () => connection.lose(),
    onSession: (session) => settings.suggest(session),
  });
  const library = createLibrary(elements);
  const hubLoader = createHubLoader(elements.hub, library);
  const sessionLoader = new SessionLoader(library, tabs, () => connection.lose());
  /** @type {(text: OpenedText) => Promise<void>} */
  const openText = (text) => snapshots.openText(text);
  const explore = new Explore(dialogOf(elements.explore), player, {
    hide: course.hide,
    share: (trace) => shareDialog.open(trace && snapshots.captureShort(trace)),
    context: {
      getSessions: () => library.sessions,
      openText,
      onError: reportError,
      setSetting: (name, value) => settings.setFromElsewhere(name, value),
    },
  });
  const restoration = new Restoration({ drawer, library, hubLoader, settings, explore });
  const snapshots = new Snapshots({ player, drawer, tabs, explore, restoration });
  const guide = createGuide(elements, player, drawer, snapshots, () => moments);
  const moments = new Moments({ player, tabs, library, drawer, guide, settings, explore, restoration });
  views.push(explore, moments, guide, new Help(elements.drawer, find(elements.keys, ".shortcuts__help")), new StepSlider(elements.stepSlider, () => tabs.steps, (index) => moveStep(index, tabs, library)));
  listenToConnection(connection, { player, tabs, library, sessionLoader });
  const shareDialog = new ShareDialog(dialogOf(elements.share), {
    capture: () => snapshots.capture(),
    getSessions: () => library.sessions,
  });
  followMoment(find(elements.model, ".model__full", HTMLAnchorElement), () => snapshots.capture().snapshot);
  const task = new Task(elements.task, course, () => emit({ type: "done", reason: "task" }));
  views.push(task);
  draw();
  return { player, input, drawer, settings, tabs, library, sessionLoader, snapshots, moments, guide, shareDialog, explore, task };
}

/** @param {Elements} elements */
function createLibrary({ library, learning }) {
  return new Library(library, new StepPanel(learning), (session, step) =>
    dispatchAction({ action: "session", tab: "library", session_id: session.session_id, name: session.name, step, session }));
}

/** Move the model of the current tab to another of its training steps.
 * @param {number} index @param {Tabs} tabs @param {Library} library */
function moveStep(index, tabs, library) {
  if (tabs.current === LIBRARY_TAB) library.moveTo(index);
  else if (tabs.current === LEARN_TAB) dispatchAction({ action: "live-step", value: index });
  else tabs.moveTo(index);
}

/** Go on where the page was when the server is back.
 * @param {Connection} connection
 * @param {{ player: Player, tabs: Tabs, library: Library, sessionLoader: SessionLoader }} parts */
function listenToConnection(connection, { player, tabs, library, sessionLoader }) {
  addEventListener("online", () => connection.check());
  connection.listen((isLost) => {
    if (isLost) return;
    player.reconnect();
    if (library.sessions.length) tabs.follow();
    else sessionLoader.load();
  });
}

/** @param {HTMLElement} root @param {Library} library */
function createHubLoader(root, library) {
  const loader = new HubLoader(root, (session, focus) => library.add(session, focus));
  new PublishedModels(find(root, ".published", HTMLDetailsElement), (repoId) => loader.load(repoId));
  return loader;
}

/** @param {Elements} elements @param {Player} player @param {Drawer | EmbeddedDrawer} drawer
 * @param {Snapshots} snapshots @param {() => Moments} getMoments */
function createGuide({ guide, tutorial }, player, drawer, snapshots, getMoments) {
  return new Guide(guide, {
    player,
    open: (link) => snapshots.open(link),
    onError: reportError,
    onResume: () => drawer.setShared(true),
    onToggle: (isOpen) => {
      drawer.setShared(isOpen);
      if (isOpen) getMoments().beginLessons();
      else getMoments().endLessons();
      if (isOpen) return;
      if (drawer.isModal) drawer.focus();
      else tutorial.focus();
    },
  });
}

/** The handler of each action by its name.
 * @param {Elements} elements @param {Parts} parts
 * @returns {Record<string, (detail: ActionDetail) => void>} */
function createActions({ keys }, { player, input, drawer, settings, tabs, library, sessionLoader, guide, shareDialog, explore }) {
  return {
    clear: () => {
      input.write("", "clear");
      input.focus();
    },
    undo: () => player.undo(),
    redo: () => player.redo(),
    play: () => player.play(),
    pause: () => player.pause(),
    step: () => player.choose(),
    write: ({ source }) => player.write(STOPS[source?.dataset.stop ?? ""]),
    regenerate: () => player.regenerate(),
    speed: ({ value }) => settings.set("speed", value),
    pick: ({ value }) => settings.set("pick", value),
    temperature: ({ value }) => settings.set("temperature", value),
    "top-k": ({ value }) => settings.set("top-k", value),
    "top-p": ({ value }) => settings.set("top-p", value),
    seed: ({ value }) => settings.set("seed", value),
    tab: ({ tab = "" }) => {
      tabs.select(tab);
      if (tab === "library") sessionLoader.loadOwn();
    },
    session: (detail) => tabs.setSession(detail),
    substitute: () => substituteUnknown(player, input),
    reload: () => sessionLoader.load(),
    remedy: () => applyRemedy(player, tabs),
    drawer: ({ source }) => drawer.toggle(source),
    open: ({ source }) => {
      library.choose(source?.dataset.session ?? "");
      drawer.open(source);
    },
    close: () => drawer.close(),
    share: () => shareDialog.open(),
    explore: () => explore.open(),
    keys: () => dialogOf(keys).showModal(),
    tutorial: () => guide.start(),
  };
}

/** @param {HTMLElement} bars @param {Player} player */
function listenForBars(bars, player) {
  bars.addEventListener("click", (event) => {
    const row = closestTarget(event, "[data-token]");
    if (row) player.choose(row.dataset.token);
  });
}

/** @param {Elements} elements @param {Parts} parts @returns {import("./shared/keys.js").Shortcuts} */
function createShortcuts({ keys, drawer: element, output }, { player, drawer }) {
  const canChoose = () => drawer.isOpen && player.canChoose && isShown(".bars");
  return {
    toggle: () => {
      if (!drawer.isOpen || !isShown("#play, #pause")) return false;
      if (player.playing) player.pause();
      else player.play();
      return true;
    },
    choose: () => canChoose() && (player.choose(), true),
    isMarked: () => player.highlight !== null,
    undo: (isRedo, target) => undoByKey(isRedo ? "redo" : "undo", target, element, player),
    move: (by) => canChoose() && (player.moveHighlight(by), true),
    walk: (key, target) => drawer.isOpen && walk(key, output.contains(target), player),
    close: () => drawer.close(),
    leave: (field) => element.contains(field) && (drawer.focus(), true),
    help: () => (dialogOf(keys).showModal(), true),
  };
}

/** Go through the text, while it has the focus; Esc returns to its end from wherever the focus is.
 * @param {string} key @param {boolean} isFocused @param {Player} player */
function walk(key, isFocused, player) {
  if (key === "Escape") return player.caret !== null && (player.goTo(null), true);
  return isFocused && goByKey(player, key);
}

/** Returns whether the key was used: other fields than the input have an undo of their own.
 * @param {"undo" | "redo"} direction @param {EventTarget} target
 * @param {HTMLElement} drawer @param {Player} player */
function undoByKey(direction, target, drawer, player) {
  const field = target instanceof Element ? target.closest("input:not([type=range]), textarea, select") : null;
  if (field && !field.matches("#input-text textarea")) return false;
  if (!isVisible(drawer)) return false;
  player[direction]();
  return true;
}

/** Load the sessions, then restore the moment that the page was left at, or on a first visit what the
 * address holds: snapshot, lesson, task.
 * @param {Parts} parts */
async function openAddress({ player, sessionLoader, snapshots, moments, guide, task }) {
  const moment = moments.read();
  sessionLoader.load();
  await sessionLoader.loaded;
  if (moment) {
    await moments.restore(moment);
    if (moment.lesson) await guide.resume(moment.lesson);
  } else {
    await snapshots.open(host.search);
    player.forgetChanges(); // undo ends at what was opened
    const lesson = new URLSearchParams(host.search).get("lesson");
    if (lesson && !host.embedded) guide.start(lesson);
  }
  task.begin(player);
}

/** Replace the text's unknown characters by known ones, unless it has changed meanwhile. What has no
 * substitute is left out once the visitor has been told.
 * @param {Player} player @param {Input} input */
async function substituteUnknown(player, input) {
  const { trace, session } = player;
  if (!session) return;
  try {
    const { text, dropped } = await substitute(session.session_id, textOf(trace).join(""));
    if (player.trace.prompt !== trace.prompt || player.trace.steps !== trace.steps) return;
    if (dropped.length === 0 || input.confirmsLoss(dropped)) player.setPrompt(text, "substitute");
  } catch (error) {
    reportError(error);
  }
}

/** The command of the button beside the status.
 * @param {Player} player @param {Tabs} tabs */
function applyRemedy(player, tabs) {
  if (player.caret !== null && !player.notice) player.goTo(null);
  else if (player.status === "no-model" || player.notice?.isGone) tabs.useDefault();
  else if (player.notice?.locks) tabs.release();
  else if (player.notice?.isLost) player.reconnect();
  else if (isTrained(player.session)) player.retry();
  else tabs.follow(); // the session may have a model by now
}

/** @param {unknown} error */
function reportError(error) {
  const failure = asRequestError(error);
  if (failure.kind !== "aborted") toast(describeError(failure));
}

/** Whether a control of the drawer is shown: a course page may hide it.
 * @param {string} selector */
function isShown(selector) {
  return [...document.querySelectorAll(`#drawer :is(${selector})`)].some(isVisible);
}

/** @param {HTMLElement} element */
const dialogOf = (element) => /** @type {HTMLDialogElement} */ (element);
