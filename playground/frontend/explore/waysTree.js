// Three ways of going on as one tree, gone through by mouse, touch and arrow keys: a column a token,
// a row for each text that beam search follows, those of the other ways below where they left it.

/** @import { WayNode } from "./ways.js" */

import { textOf } from "../playback/tokens.js";
import { closestTarget, createElement, createShape, find, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { SPACE, tokenLabel, visibleText } from "../shared/text.js";
import { neighbourOf, pathTo } from "./ways.js";

/** The signs of the ways, in the order of the list above the tree. */
const SIGNS = ["▲", "◆", "●"];
const NAMES = ["sampling.node_top", "sampling.node_sample", "sampling.node_best"];
const TAIL = 24; // characters of a text that are told

export class WaysTree {
  #root;
  #list;
  #lines;
  #reading;
  /** @type {WayNode[]} */
  #nodes = [];
  #selected = 0;

  /** @param {HTMLElement} root @param {(path: WayNode[]) => void} onGoOn called with the nodes of a text */
  constructor(root, onGoOn) {
    this.#root = root;
    this.#list = find(root, "[role=listbox]");
    this.#lines = find(root, ".tree__lines", SVGElement);
    this.#reading = find(root, ".tree__reading");
    this.#list.addEventListener("click", (event) => {
      const node = closestTarget(event, "[role=option]");
      if (node) this.#select(Number(node.dataset.index));
    });
    this.#list.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = neighbourOf(this.#nodes, this.#selected, event.key);
      if (target === null) return;
      event.preventDefault();
      this.#select(target);
    });
    find(root, "[data-tree=go]").addEventListener("click", () => onGoOn(pathTo(this.#nodes, this.#selected)));
  }

  clear() {
    this.#root.hidden = true;
    this.#list.replaceChildren();
    this.#lines.replaceChildren();
  }

  /** @param {WayNode[]} nodes */
  show(nodes) {
    this.#nodes = nodes;
    this.#root.hidden = false;
    const [columns, rows] = [Math.max(...nodes.map(({ depth }) => depth)) + 1, Math.max(...nodes.map(({ row }) => row)) + 1];
    this.#root.style.setProperty("--columns", String(columns));
    this.#root.style.setProperty("--rows", String(rows));
    this.#list.replaceChildren(...nodes.map((node, index) => createNode(node, index, this.#describe(index))));
    this.#lines.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    this.#lines.replaceChildren(...nodes.flatMap((node) => (node.parent === null ? [] : [createLine(node, nodes[node.parent])])));
    this.#select(nodes.findLastIndex(({ rank }) => rank === 0));
  }

  /** What is said of a node: its text, what it costs, and what became of it.
   * @param {number} index */
  #describe(index) {
    const { depth, bits, rank, isDropped, ways } = this.#nodes[index];
    const all = Array.from(visibleText(textOf(pathTo(this.#nodes, index).map(({ step }) => step))));
    const text = (all.length > TAIL ? "…" : "") + all.slice(-TAIL).join("");
    const parts = [
      translate("sampling.node", { number: depth + 1, text, bits: formatNumber(bits, 1) }),
      rank === null ? translate("sampling.node_left") : translate("sampling.node_rank", { rank: rank + 1 }),
      isDropped ? translate("sampling.node_dropped") : "",
      ...ways.map((way) => translate(NAMES[way])),
    ];
    return parts.filter(Boolean).join(", ");
  }

  /** @param {number} index */
  #select(index) {
    this.#selected = index;
    [...this.#list.children].forEach((node, at) => node.setAttribute("aria-selected", String(at === index)));
    const selected = this.#list.children[index];
    this.#list.setAttribute("aria-activedescendant", selected.id);
    const { scrollX, scrollY } = globalThis;
    selected.scrollIntoView({ block: "nearest", inline: "nearest" });
    globalThis.scrollTo(scrollX, scrollY);
    setText(this.#reading, this.#describe(index));
  }
}

/** @param {WayNode} node @param {number} index @param {string} description */
function createNode({ step, depth, row, rank, isDropped, ways }, index, description) {
  const element = createElement("div", "node", step.text === " " ? SPACE : tokenLabel(step.text));
  element.id = `way-node-${index}`;
  element.dataset.index = String(index);
  element.setAttribute("role", "option");
  element.setAttribute("aria-label", description);
  element.setAttribute("translate", "no");
  element.classList.toggle("node--dropped", isDropped);
  element.classList.toggle("node--left", rank === null);
  element.classList.toggle("node--way", ways.length > 0);
  element.style.gridColumn = String(depth + 1);
  element.style.gridRow = String(row + 1);
  const signs = createElement("span", "node__signs", ways.map((way) => SIGNS[way]).join(""));
  signs.setAttribute("aria-hidden", "true");
  element.append(signs);
  return element;
}

/** @param {WayNode} node @param {WayNode} parent */
function createLine({ depth, row, ways, isDropped }, parent) {
  const [x, from, to] = [parent.depth + 1 / 2, parent.row + 1 / 2, row + 1 / 2];
  const middle = x + 1 / 2;
  const kind = ways.length > 0 ? " tree__line--way" : isDropped ? " tree__line--dropped" : "";
  return createShape("path", { class: `tree__line${kind}`, d: `M${x} ${from}C${middle} ${from} ${middle} ${to} ${depth + 1 / 2} ${to}` });
}
