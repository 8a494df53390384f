// The address of the page at a snapshot, and a link that leads there.

/** @import { Course, Snapshot } from "../types.js" */

import { host } from "../embed/host.js";
import { config } from "../shared/config.js";
import * as courses from "./course.js";
import { encode } from "./link.js";

const OWN_PARAMETERS = ["lang", "__theme"]; // of the page's address; not part of a snapshot

/** The page's address at a snapshot, as a course page or with other parameters of its own.
 * @param {Snapshot} snapshot @param {Partial<Course>} [course]
 * @param {Record<string, string>} [own] in place of what the page's address has; "" for none */
export function createAddress(snapshot, course = {}, own = {}) {
  const here = new URLSearchParams(host.search);
  /** @type {[string, string | null][]} */
  const pairs = OWN_PARAMETERS.map((name) => [name, (own[name] ?? here.get(name)) || null]);
  return `${host.address}?${encode(snapshot, [...courses.encode(course), ...pairs])}`;
}

/** The page's address with a panel of Explore open, and a model: for whoever opens it, all else stays.
 * @param {{ model: string, step: number | null, explore: string }} place */
export function createExploreAddress({ model, step, explore }) {
  const here = new URLSearchParams(host.search);
  const pairs = { model, step, explore, ...Object.fromEntries(OWN_PARAMETERS.map((name) => [name, here.get(name)])), v: config.link.versions[0] };
  const given = Object.entries(pairs).filter(([, value]) => value != null && value !== "");
  return `${host.address}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** Have a link lead to the moment that the page is at when it is followed.
 * @param {HTMLAnchorElement} link @param {() => Snapshot} capture */
export function followMoment(link, capture) {
  link.href = host.address;
  for (const type of ["pointerdown", "focus", "click"]) {
    link.addEventListener(type, () => (link.href = createAddress(capture())));
  }
}
