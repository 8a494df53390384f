// Which of the visible elements of a selector lie over one another.
(scope) => {
  const controls = [...document.querySelectorAll(scope)].filter((e) =>
    e.checkVisibility({ opacityProperty: true, visibilityProperty: true }));
  const found = [];
  for (const [index, a] of controls.entries()) {
    for (const b of controls.slice(index + 1)) {
      if (a.contains(b) || b.contains(a)) continue;
      const [p, q] = [a.getBoundingClientRect(), b.getBoundingClientRect()];
      const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (x > 1 && y > 1) found.push([a.outerHTML.slice(0, 80), b.outerHTML.slice(0, 80)]);
    }
  }
  return found;
}
