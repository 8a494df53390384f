// Making elements, and writing text into them only where it is another.

export function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
