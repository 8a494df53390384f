// A classic script, inlined into the document's head: it runs before Gradio's scripts and before the
// first paint, which no import does. Called here, by name, and from nowhere else.

(function prepareDocument() {
  const parameters = new URLSearchParams(location.search);
  preferLanguage(parameters.get("lang"));
  hideOutsideEmbed(parameters.get("view"));

  /** Have a language come before the browser's own, for Gradio's texts too.
   * @param {string | null} language a BCP 47 tag */
  function preferLanguage(language) {
    if (language === null || !/^[a-z]{2,3}(-\w{2,8})*$/i.test(language)) return;
    const languages = [language, ...navigator.languages];
    Object.defineProperty(navigator, "language", { get: () => language });
    Object.defineProperty(navigator, "languages", { get: () => languages });
  }

  /** Mark an embedded document before its first paint: the styles hide all but the drawer.
   * @param {string | null} view */
  function hideOutsideEmbed(view) {
    if (view === "embed") document.documentElement.classList.add("embedded");
  }
})();
