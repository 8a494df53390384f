// The bars: the distribution of the character after the text on screen.
// The rows are made once and keep their place; what changes is what they say and how long they are.

import { element } from "../shared/dom.js";
import { say } from "../shared/messages.js";
import { label, percent } from "../shared/text.js";
import { rest, rows } from "./trace.js";

const ROWS = 11; // ten candidates, and the pick where it isn't among them

export class Bars {
  #list;
  #other;
  #rows;

  constructor(list, other) {
    this.#list = list;
    this.#other = other;
    this.#rows = Array.from({ length: ROWS }, (_, index) => new Row("candidate-" + index));
    list.replaceChildren(...this.#rows.map((row) => row.element));
  }

  draw(player) {
    const step = player.next;
    const shown = step ? rows(step) : [];
    // However fast it writes: the bars have come to rest before they change again.
    this.#list.parentElement.style.setProperty("--glide", Math.min(240, 0.6 * player.interval_ms) + "ms");
    const { highlighted } = player;
    const kept = player.sampling.pick === "sample" && step ? step.kept : Infinity;
    this.#rows.forEach((row, index) => {
      if (!step) row.forget(index);
      else if (index >= shown.length) row.clear();
      else {
        const { token } = shown[index];
        row.show(shown[index], {
          picked: token === step.token,
          selected: token === highlighted,
          chosen: token === player.choosing,
          // The rows are in the order of their odds, but for the pick's own at the end.
          left_out: index >= kept && token !== step.token,
        });
      }
    });
    const selected = this.#rows.find((row) => row.element.ariaSelected === "true");
    // While it writes there is nothing to choose; the live region says what comes.
    setAttribute(this.#list, "aria-activedescendant", player.playing ? null : selected?.element.id ?? null);
    setAttribute(this.#list, "aria-busy", String(!step || player.choosing !== null));
    setAttribute(this.#list, "aria-disabled", String(!player.canChoose));
    this.#draw_other(step && rest(step), step?.candidates.length >= kept);
  }

  #draw_other(left, left_out) {
    this.#other.classList.toggle("candidate--stale", !left);
    this.#other.classList.toggle("candidate--left-out", left_out);
    this.#other.title = left_out ? say("drawer.left_out") : "";
    this.#other.hidden = left?.count === 0;
    if (!left) return;
    const [name, fill, value] = this.#other.children;
    name.textContent = say("drawer.others", { count: left.count });
    fill.style.setProperty("--p", left.prob);
    value.textContent = percent(left.prob);
  }
}

class Row {
  constructor(id) {
    this.element = element("div", "candidate");
    this.element.id = id;
    const parts = ["mark", "name", "bar", "value"].map((part) => element("span", "candidate__" + part));
    [this.mark, this.name, this.bar, this.value] = parts;
    this.element.append(...parts.flatMap((part) => [part, " "]));
    this.mark.ariaHidden = "true";
  }

  show({ token, prob }, { picked, selected, chosen, left_out }) {
    const { element } = this;
    element.hidden = false;
    element.classList.remove("candidate--stale");
    element.classList.toggle("candidate--chosen", chosen);
    element.classList.toggle("candidate--named", label(token) !== token);
    element.classList.toggle("candidate--left-out", left_out);
    element.title = left_out ? say("drawer.left_out") : "";
    this.mark.textContent = picked ? "✓" : "";
    this.name.textContent = label(token);
    this.bar.style.setProperty("--p", prob);
    this.value.textContent = percent(prob);
    element.role = "option";
    element.ariaSelected = String(selected);
    const said = { token: label(token), percent: percent(prob) };
    if (picked) element.ariaLabel = say("drawer.bar_pick", said);
    else if (left_out) element.ariaLabel = say("drawer.bar_left_out", said);
    else element.ariaLabel = `${said.token} ${said.percent}`;
    element.dataset.token = token;
    element.toggleAttribute("data-picked", picked);
  }

  /** The distribution isn't known: what stands here is no longer true, and fades. */
  forget(index) {
    this.element.classList.add("candidate--stale");
    this.element.hidden = index === ROWS - 1;
    this.#withdraw();
  }

  clear() {
    this.element.hidden = true;
    this.#withdraw();
  }

  #withdraw() {
    for (const name of ["role", "aria-selected", "aria-label", "data-token", "data-picked", "title"]) {
      this.element.removeAttribute(name);
    }
    this.element.classList.remove("candidate--chosen", "candidate--left-out");
  }
}

function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
