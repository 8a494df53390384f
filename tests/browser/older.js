// Takes from Chromium what one of Safari 16.4, Chrome 111 and Firefox 115 lacks (as MDN and caniuse.com
// have it), before anything of the page runs. Syntax can't be taken: tests/frontend/test_syntax.py.
// Gradio 6.31's own files need none of it.

(function takeAway() {
  /** @param {object | undefined} from @param {(string | symbol)[]} names */
  const take = (from, ...names) => names.forEach((name) => from && delete from[name]);
  const prototypes = (...constructors) => constructors.map((one) => one.prototype);

  take(AbortSignal, "any");
  take(Promise, "withResolvers", "try");
  take(Object, "groupBy");
  take(Map, "groupBy");
  take(Array, "fromAsync");
  take(URL, "canParse", "parse");
  take(RegExp, "escape");
  take(Error, "isError");
  take(Math, "f16round", "sumPrecise");
  take(Set.prototype, "union", "intersection", "difference", "symmetricDifference", "isSubsetOf", "isSupersetOf", "isDisjointFrom");
  take(Map.prototype, "getOrInsert", "getOrInsertComputed");
  take(String.prototype, "isWellFormed", "toWellFormed");
  take(ArrayBuffer.prototype, "transfer", "transferToFixedLength", "resize");
  take(Uint8Array, "fromBase64", "fromHex");
  take(Uint8Array.prototype, "toBase64", "toHex", "setFromBase64", "setFromHex");
  take(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), "map", "filter", "take", "drop", "flatMap", "reduce",
    "toArray", "forEach", "some", "every", "find");
  take(ReadableStream, "from");
  take(ReadableStream.prototype, Symbol.asyncIterator, "values");
  for (const body of prototypes(Blob, Request, Response)) take(body, "bytes");
  // All three have these; the page uses none of them (eslint.config.js).
  take(Array.prototype, "toSorted", "toReversed", "toSpliced", "with");

  take(Intl, "Segmenter", "DurationFormat");
  take(Intl.NumberFormat.prototype, "formatRange", "formatRangeToParts");
  take(Intl.PluralRules.prototype, "selectRange");
  take(Intl.Locale.prototype, "getCalendars", "getCollations", "getHourCycles", "getNumberingSystems", "getTextInfo", "getTimeZones",
    "getWeekInfo", "textInfo", "weekInfo");

  take(HTMLElement.prototype, "popover", "showPopover", "hidePopover", "togglePopover");
  for (const button of prototypes(HTMLButtonElement, HTMLInputElement)) {
    take(button, "popoverTargetElement", "popoverTargetAction", "commandForElement", "command");
  }
  take(HTMLDialogElement.prototype, "closedBy", "requestClose");
  take(Element.prototype, "checkVisibility", "moveBefore", "getHTML", "setHTML", "setHTMLUnsafe", "currentCSSZoom");
  take(Element.prototype, "scrollIntoViewIfNeeded", "computedStyleMap");
  take(HTMLElement.prototype, "attributeStyleMap");
  take(Document, "parseHTMLUnsafe");
  take(Document.prototype, "startViewTransition", "activeViewTransition");
  take(CSS, "highlights", "registerProperty");
  take(window, "Highlight", "Iterator", "ToggleEvent", "CloseWatcher", "navigation", "Navigation", "scheduler", "Scheduler", "CSSStyleValue",
    "CustomStateSet", "ViewTransition", "CommandEvent", "trustedTypes", "documentPictureInPicture");
  take(window, "requestIdleCallback", "cancelIdleCallback");
  take(Navigator.prototype, "userAgentData", "connection", "deviceMemory");

  const reflected = (name) => name === "role" || /^aria[A-Z]/.test(name);
  for (const prototype of prototypes(Element, ElementInternals)) take(prototype, ...Object.keys(prototype).filter(reflected));

  // Firefox 115 knows neither selector, and refuses the whole list that one stands in.
  for (const prototype of prototypes(Element, Document, DocumentFragment)) {
    for (const name of ["querySelector", "querySelectorAll", "matches", "closest"]) {
      const original = prototype[name];
      if (original) prototype[name] = function refuse(selectors) {
        if (/:has\(|:popover-open/.test(selectors)) throw new DOMException(`'${selectors}' is not a valid selector`, "SyntaxError");
        return original.call(this, selectors);
      };
    }
  }
  const { supports } = CSS;
  CSS.supports = (...given) => !/:has\(|:popover-open/.test(given.join()) && supports.apply(CSS, given);
})();
