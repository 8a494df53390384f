// The tree of a text's branches, with its navigation by mouse and keys.

/** @import { Branches, ExploreContext, ExplorePanel } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import * as branching from "../playback/branches.js";
import { piecesOf } from "../playback/tokens.js";
import { score } from "../shared/client.js";
import { closestTarget, createElement, find, setAttribute, setText } from "../shared/dom.js";
import { formatNumber, formatOneIn, translate } from "../shared/messages.js";
import { characterLabel, directionOf } from "../shared/text.js";
import { BranchScores } from "./branchScores.js";

const DEPTH_MAX = 6; // deeper ones are drawn like these
const TAIL = 8; // tokens before a branch that its row repeats
const SHARED_MAX = 2000; // tokens before the selected branch that are shown
const SHOWN = 80; // tokens of a branch in its row: more than there is room for

/** @implements {ExplorePanel} */
export class BranchTree {
  #element;
  #tree;
  #parts;
  #player;
  #context;
  #scores;
  /** The rows by the ids of their branches.
   * @type {Map<number, HTMLElement>} */
  #rows = new Map();
  /** @type {number | null} */
  #selected = null;
  /** What is drawn: the branches with the present text among them.
   * @type {{ branches: Branches, id: number | null }} */
  #shown = { branches: { list: [], nextId: 1 }, id: null };

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#element = element;
    this.#context = context;
    this.#player = context.player;
    this.#scores = new BranchScores(score, () => this.draw(this.#player), context.onError);
    this.#tree = find(element, ".explore__tree");
    const button = (/** @type {string} */ name) => find(element, `[data-branch=${name}]`, HTMLButtonElement);
    this.#parts = {
      branch: find(element, ".explore__branch"),
      of: find(element, ".explore__of"),
      text: find(element, ".explore__text"),
      shared: find(element, ".explore__shared"),
      own: find(element, ".explore__own"),
      name: find(element, ".explore__name", HTMLInputElement),
      pin: button("pin"),
      remove: button("remove"),
    };
    this.#parts.name.maxLength = branching.NAME_MAX;
    this.#listen();
  }

  open() {
    this.#selected = null;
    this.#scores.clear();
    this.draw(this.#player);
  }

  close() {
    this.#scores.clear();
  }

  focus() {
    this.#focusRow();
  }

  /** @param {Player} player */
  draw({ trace }) {
    this.#shown = branching.keep(trace.branches, branching.pathOf(trace));
    const { branches, id: current } = this.#shown;
    if (!branches.list.some(({ id }) => id === this.#selected)) this.#selected = current ?? branches.list[0]?.id ?? null;
    this.#drawRows(branches, current);
    this.#drawSelected(branches, current);
    this.#scores.request(branches.list.map(({ id }) => branching.path(branches, id)), this.#player);
  }

  /** What the picks of a text have cost, in words; "" where it isn't known.
   * @param {branching.Path} path */
  #bitsOf(path) {
    const found = this.#scores.fill(path, this.#player);
    const bits = branching.bitsOf(found.path);
    const { pick, temperature } = this.#player.sampling;
    const isOther = found.isScored && pick === "sample" && temperature !== 1;
    const key = isOther ? "branches.bits_scored" : "explore.bits";
    return { bits, text: bits === null ? "" : translate(key, { bits: formatNumber(bits, 1) }) };
  }

  /** @param {Branches} branches @param {number | null} current */
  #drawRows(branches, current) {
    const rows = branching.rowsOf(branches).map(({ branch, depth }) => {
      const row = this.#rows.get(branch.id) ?? createRow(branch.id);
      const path = branching.path(branches, branch.id);
      const pieces = piecesOf(path.tokens);
      const isCurrent = branch.id === current;
      const isSelected = branch.id === this.#selected;
      row.tabIndex = isSelected ? 0 : -1;
      row.style.setProperty("--depth", String(Math.min(depth, DEPTH_MAX)));
      row.setAttribute("aria-level", String(depth + 1));
      row.setAttribute("aria-selected", String(isSelected));
      setAttribute(row, "aria-current", isCurrent ? "true" : null);
      const [sign, name, tail, text, bits] = /** @type {HTMLElement[]} */ ([...row.children]);
      const [typed, written] = /** @type {HTMLElement[]} */ ([...text.children]);
      setText(sign, (branch.isPinned ? "★" : "") + (isCurrent ? "▸" : ""));
      setText(name, branch.name);
      const { at } = branch;
      setText(tail, readable(pieces.slice(Math.max(0, at - TAIL), at), at > TAIL ? "…" : ""));
      const own = pieces.slice(at);
      const border = Math.max(0, path.typed - at);
      setText(typed, readable(own.slice(0, Math.min(border, SHOWN))));
      setText(written, readable(own.slice(border, SHOWN)));
      setText(bits, this.#bitsOf(path).text);
      row.setAttribute("aria-label", rowName(branch.name, readable(own), bits.textContent ?? "", branch.isPinned, isCurrent));
      return [branch.id, row];
    });
    this.#rows = new Map(/** @type {[number, HTMLElement][]} */ (rows));
    const focused = document.activeElement;
    const elements = [...this.#rows.values()];
    if (elements.some((row, index) => this.#tree.children[index] !== row) || this.#tree.children.length !== elements.length) {
      this.#tree.replaceChildren(...elements);
      if (focused instanceof HTMLElement && this.#tree.contains(focused)) focused.focus({ preventScroll: true });
    }
  }

  /** @param {Branches} branches @param {number | null} current */
  #drawSelected(branches, current) {
    const { branch, of, text, shared, own, name, pin, remove } = this.#parts;
    branch.hidden = this.#selected === null;
    if (this.#selected === null) return;
    const selected = branching.branchOf(branches, this.#selected);
    const path = branching.path(branches, this.#selected);
    const { bits, text: bitsText } = this.#bitsOf(path);
    const written = path.tokens.length - path.typed;
    const parts = [translate("branches.written", { count: written }), bitsText, bits ? formatOneIn(bits) : ""];
    setText(of, parts.filter(Boolean).join(" · "));
    const pieces = piecesOf(path.tokens);
    text.dir = directionOf(pieces.join(""));
    const border = Math.max(selected.at, path.typed);
    const from = Math.max(0, border - SHARED_MAX);
    setText(shared, (from > 0 ? "…" : "") + pieces.slice(from, border).join(""));
    setText(own, pieces.slice(border).join(""));
    if (document.activeElement !== name) name.value = selected.name;
    pin.setAttribute("aria-pressed", String(selected.isPinned));
    remove.disabled = this.#selected === current;
  }

  #listen() {
    this.#tree.addEventListener("click", (event) => {
      const row = closestTarget(event, "[data-id]");
      if (row) this.#select(Number(row.dataset.id));
    });
    this.#tree.addEventListener("dblclick", () => this.#act("resume"));
    this.#tree.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.#press(event.key)) event.preventDefault();
    });
    this.#element.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-branch]");
      if (button) this.#act(button.dataset.branch ?? "");
    });
    const { name } = this.#parts;
    name.addEventListener("change", () => this.#change((branches, id) => branching.rename(branches, id, name.value)));
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.#focusRow(); // leaving the field names the branch
    });
  }

  /** Returns whether the key was used.
   * @param {string} key */
  #press(key) {
    const ids = [...this.#rows.keys()];
    const index = ids.indexOf(this.#selected ?? -1);
    const parent = this.#selected === null ? null : branching.branchOf(this.#shown.branches, this.#selected).parent;
    const child = this.#shown.branches.list.find((branch) => branch.parent === this.#selected)?.id;
    /** @type {Record<string, number | null | undefined>} */
    const targets = { ArrowUp: ids[index - 1], ArrowDown: ids[index + 1], Home: ids[0], End: ids.at(-1), ArrowLeft: parent, ArrowRight: child };
    if (key in targets) this.#select(targets[key] ?? this.#selected);
    else if (key === "Enter") this.#act("resume");
    else if (key === "Delete") this.#act("remove");
    else return false;
    return true;
  }

  /** @param {number | null} id */
  #select(id) {
    this.#selected = id;
    this.draw(this.#player);
    this.#focusRow();
  }

  #focusRow() {
    (this.#rows.get(this.#selected ?? -1) ?? this.#tree).focus();
  }

  /** @param {string} action */
  #act(action) {
    const id = this.#selected;
    if (id === null) return;
    const isCurrent = id === this.#shown.id;
    if (action === "pin") {
      const { isPinned } = branching.branchOf(this.#shown.branches, id);
      this.#change((branches) => branching.pin(branches, id, !isPinned));
    } else if (action === "share") {
      this.#context.share(branching.traceOf(branching.path(this.#shown.branches, id), this.#shown.branches));
    } else if (action === "remove" && !isCurrent) {
      this.#selected = branching.branchOf(this.#shown.branches, id).parent;
      this.#player.changeBranches((branches) => branching.remove(branches, id));
      this.#focusRow();
    } else if (action === "resume") {
      this.#context.close();
      if (!isCurrent) this.#player.resume(id);
    }
  }

  /** @param {(branches: Branches, id: number) => Branches} change */
  #change(change) {
    const id = this.#selected;
    if (id !== null) this.#player.changeBranches((branches) => change(branches, id));
  }
}

/** @param {number} id */
function createRow(id) {
  const row = createElement("div", "branch");
  row.dataset.id = String(id);
  row.setAttribute("role", "treeitem");
  const parts = ["sign", "name", "tail", "text", "bits"].map((name) => createElement("span", `branch__${name}`));
  for (const part of parts) part.setAttribute("translate", "no");
  row.append(...parts);
  find(row, ".branch__text").append(createElement("span", "branch__typed"), createElement("span"));
  return row;
}

/** What tokens show in one line: what would break it is escaped.
 * @param {string[]} pieces @param {string} [before] */
const readable = (pieces, before = "") =>
  before + pieces.map((text) => (/[\n\r\t]/.test(text) ? Array.from(text, characterLabel).join("") : text)).join("");

/** @param {string} name @param {string} text @param {string} bits @param {boolean} isPinned @param {boolean} isCurrent */
const rowName = (name, text, bits, isPinned, isCurrent) =>
  [name, text, bits, isPinned ? translate("branches.pinned") : "", isCurrent ? translate("branches.current") : ""].filter(Boolean).join(", ");
