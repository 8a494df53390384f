// Before any other script: `?lang=de` comes before the browser's own languages, for Gradio's words too.
{
  const asked = new URLSearchParams(location.search).get("lang");
  if (/^[a-z]{2,3}(-\w{2,8})*$/i.test(asked)) {
    const languages = [asked, ...navigator.languages];
    Object.defineProperty(navigator, "language", { get: () => asked });
    Object.defineProperty(navigator, "languages", { get: () => languages });
  }
}

// Before anything is seen: what a frame has no use for must not show for a moment.
if (new URLSearchParams(location.search).get("view") === "embed") {
  document.documentElement.classList.add("embedded");
}
