// What the page says, in the first of the browser's languages that there are messages in. They come
// from playground/messages; its docstring tells their format. `?lang=de` comes before the browser's
// own languages: see head() in player.py.

const wanted = navigator.languages.join(",");
const answer = await fetch(new URL(`../messages.json?languages=${encodeURIComponent(wanted)}`, import.meta.url));
const { language, messages } = await answer.json();

const PLACE = /{{\s*(\w+)\s*(,\s*number\s*)?}}/g;
const ATTRIBUTES = ["aria-label", "alt", "placeholder", "title"];
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

export { language };

/** A number as it is written in this language; digits: how many behind the point, exactly. */
export const number = (value, digits) => digits === undefined
  ? numbers.format(value)
  : value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The text of a message; `count` among its parameters chooses the plural form. */
export function say(key, params = {}) {
  const form = "count" in params ? `${key}_${plural.select(params.count)}` : key;
  const text = messages[form];
  if (text === undefined) throw new RangeError(`there is no message ${form}`);
  return text.replace(PLACE, (_, name, as_number) => (as_number ? number(params[name]) : params[name]));
}

/** Write the messages that the markup of a piece names: data-say, data-say-title, … */
export function fill(root) {
  for (const element of root.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const name of ATTRIBUTES) {
    for (const element of root.querySelectorAll(`[data-say-${name}]`)) {
      element.setAttribute(name, say(element.getAttribute(`data-say-${name}`)));
    }
  }
}
