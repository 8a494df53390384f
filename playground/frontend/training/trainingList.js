// The list of the visitor's own trainings.

/** @import { TrainingSummary } from "../types.js" */

import { createElement } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { downloadAddress } from "./trainingApi.js";

/** An entry of the list; its buttons name their action in data-learn.
 * @param {TrainingSummary} training */
export function createEntry({ session_id: id, name, state, step, ready }) {
  const item = createElement("li", "own__entry");
  const what = createElement("span", "own__what");
  const status = translate("learn.own_standing", { state: translate(`learn.state_${state}`), step });
  what.append(createElement("strong", "", name), createElement("span", "hint", status));
  const open = createButton("open", translate("learn.open"), translate("learn.open_name", { name }));
  const remove = createButton("delete-own", translate("learn.delete"), translate("learn.delete_name", { name }));
  open.dataset.session = remove.dataset.session = id;
  item.append(what, open, ...(ready ? [createDownload(id, name)] : []), remove);
  return item;
}

/** @param {string} action @param {string} text @param {string} title */
function createButton(action, text, title) {
  const button = createElement("button", "button button--small", text);
  button.type = "button";
  button.dataset.learn = action;
  button.title = title;
  return button;
}

/** @param {string} sessionId @param {string} name */
function createDownload(sessionId, name) {
  const link = createElement("a", "button button--small", translate("learn.download"));
  link.href = downloadAddress(sessionId);
  link.download = "";
  link.title = translate("learn.download_name", { name });
  return link;
}
