// Message catalog and number formatting, in the best locale that the server has for the browser's
// languages. The format is that of playground/i18n/translate.py. `?lang=de` comes before the
// browser's own languages: see early.js.

const PLACEHOLDER = /{{\s*(\w+)\s*(,\s*number\s*)?}}/g;
const NAMED_MAX_BITS = 40; // a trillion
const SUPERSCRIPTS = Array.from("⁰¹²³⁴⁵⁶⁷⁸⁹");
const ATTRIBUTES = ["aria-label", "aria-description", "alt", "placeholder", "title"];

/** @type {{ locale: string, messages: Record<string, string>, plural: Intl.PluralRules, numbers: Intl.NumberFormat, isOfTokens: boolean }} */
const catalog = /** @type {any} */ ({ isOfTokens: false });

/** Fetch the catalog; resolves once `translate` can be called. */
export async function loadMessages() {
  const languages = encodeURIComponent(navigator.languages.join(","));
  const response = await fetch(new URL(`../messages.json?languages=${languages}`, import.meta.url));
  const { language, messages } = await response.json();
  setMessages(language, messages);
}

/** Say which language an element's texts are in; a browser of a third language gets English ones.
 * @param {HTMLElement} root */
export function markLanguage(root) {
  root.lang = currentLocale();
}

/** @param {string} locale @param {Record<string, string>} messages by key */
export function setMessages(locale, messages) {
  Object.assign(catalog, {
    locale,
    messages,
    plural: new Intl.PluralRules(locale),
    numbers: new Intl.NumberFormat(locale),
  });
}

/** The locale of the catalog, as a BCP 47 tag. */
export const currentLocale = () => catalog.locale;

/** A number in the notation of the locale. digits: exact number of decimals.
 * @param {number} value @param {number} [digits] */
export const formatNumber = (value, digits) => digits === undefined
  ? catalog.numbers.format(value)
  : value.toLocaleString(catalog.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A number rounded to significant digits, in the notation of the locale.
 * @param {number} value @param {number} digits */
export const formatSignificant = (value, digits) => value.toLocaleString(catalog.locale, { maximumSignificantDigits: digits });

/** A probability of so many bits as `1 in 1,200`; the largest ones as powers of ten.
 * @param {number} bits */
export function formatOneIn(bits) {
  const compact = { notation: /** @type {const} */ ("compact"), maximumSignificantDigits: 2 };
  const count = bits < NAMED_MAX_BITS
    ? (2 ** bits).toLocaleString(catalog.locale, compact)
    : "10" + Array.from(String(Math.round(bits * Math.log10(2))), (digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return translate("explore.one_in", { count_text: count });
}

/** Say whether the tokens on the page are pieces of words: where a message counts or names characters,
 * that of the key with `__tokens` is in its place. Returns whether that is new.
 * @param {boolean} isOfTokens */
export function nameTokens(isOfTokens) {
  const isNew = isOfTokens !== catalog.isOfTokens;
  catalog.isOfTokens = isOfTokens;
  return isNew;
}

/** The message of a key with its parameters filled in; `count` among them selects the plural form.
 * Throws RangeError for a key that is not in the catalog.
 * @param {string} key @param {Record<string, any>} [params] */
export function translate(key, params = {}) {
  const plural = "count" in params ? `_${catalog.plural.select(params.count)}` : "";
  const form = key + plural;
  const ofTokens = catalog.isOfTokens ? catalog.messages[`${key}__tokens${plural}`] : undefined;
  const text = ofTokens ?? catalog.messages[form];
  if (text === undefined) throw new RangeError(`there is no message ${form}`);
  return text.replace(PLACEHOLDER, (_, name, isNumber) => (isNumber ? formatNumber(params[name]) : params[name]));
}

/** Fill in the messages that markup names: data-i18n (text content), data-i18n-title, … (attributes).
 * @param {ParentNode} root */
export function translateMarkup(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-i18n]"))) {
    element.textContent = translate(element.dataset.i18n ?? "");
  }
  for (const name of ATTRIBUTES) {
    for (const element of root.querySelectorAll(`[data-i18n-${name}]`)) {
      element.setAttribute(name, translate(element.getAttribute(`data-i18n-${name}`) ?? ""));
    }
  }
}
