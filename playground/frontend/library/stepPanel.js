// The training step of the chosen session: its place on the loss curve, and its loss in words.

/** @import { Checkpoint, Session, Trained } from "../types.js" */

import { drawSparkline } from "../shared/chart.js";
import { createElement, find } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { hasModel } from "../shared/session.js";

const TICKS_MAX = 10; // more would overlap

/** @param {Checkpoint} checkpoint */
const lossOf = ({ val_loss: validationLoss, train_loss: trainingLoss }) => validationLoss ?? trainingLoss;

export class StepPanel {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {Session} session @param {number} index of the training step */
  draw(session, index) {
    const { checkpoints, tokenizer } = session;
    const isOfPieces = tokenizer === "tokens";
    const checkpoint = checkpoints[index];
    this.#root.hidden = checkpoints.length < 2;
    if (!checkpoint || !hasModel(session)) return;
    const { step } = checkpoint;
    this.#drawTicks(checkpoints, index);
    const loss = lossOf(checkpoint);
    find(this.#root, ".learning__now").replaceChildren(
      createElement("strong", "", translate("library.step", { step })),
      ` · ${translate(isOfPieces ? "library.read_pieces" : "library.read", { count: checkpoint.tokens })}`,
      loss == null ? "" : ` · ${translate("library.loss", { loss: formatNumber(loss, 2) })}`,
    );
    find(this.#root, ".learning__meaning").textContent = step === 0
      ? translate(isOfPieces ? "library.guessing_pieces" : "library.guessing", { size: session.vocab_size })
      : explainLoss(loss);
    drawLosses(find(this.#root, ".curve", SVGElement), checkpoints.map(lossOf), index, uniformLoss(session));
  }

  /** @param {Checkpoint[]} checkpoints @param {number} index */
  #drawTicks(checkpoints, index) {
    const every = Math.ceil(checkpoints.length / TICKS_MAX);
    find(this.#root, ".ticks").replaceChildren(...checkpoints.map(({ step }, at) =>
      createElement("li", at === index ? "tick tick--now" : "tick", at % every ? "" : String(step))));
  }
}

/** A loss in words: e^loss is how many equally likely characters would be as hard to predict.
 * @param {number | null} loss */
function explainLoss(loss) {
  if (loss == null) return "";
  return translate("library.meaning", { choices: formatNumber(Math.exp(loss), 1) });
}

/** The loss of a uniform distribution of tokens, in nats per character.
 * @param {Trained<Session>} session */
const uniformLoss = ({ vocab_size: size, characters_per_token: each }) => Math.log(size) / (each ?? 1);

/** The dashed line on top is the loss of a uniform distribution.
 * @param {SVGElement} svg @param {(number | null)[]} losses @param {number} now @param {number} uniform */
function drawLosses(svg, losses, now, uniform) {
  const values = losses.map((loss, index) => loss ?? (index === 0 ? uniform : null));
  const low = Math.min(uniform, ...values.filter((loss) => loss !== null));
  drawSparkline(svg, { values, now, low, high: uniform });
}
