// Making elements, and writing text into them only where it is another.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** An element of a drawing. */
export function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
