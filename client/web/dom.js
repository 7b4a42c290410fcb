// Elements, made without markup: a user's text is never taken for anything but text (the page's
// policy forbids it, too). A peer's text is in a `bdi`, so that no character of it changes the
// direction of the text beside it, or hides it.

import { clip } from "./text.js";
import { say, sayParts } from "./words.js";

/** An element. `on…` are listeners, true and false set or leave out an attribute. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A peer's text, isolated. */
export function peer(text, attributes = {}) {
  return h("bdi", { dir: "auto", ...attributes }, text);
}

/** A text of the page, with names in its blanks. */
export function saying(key, blanks = {}) {
  return sayParts(key, blanks, (part) => peer(part));
}

/** One of the drawings of index.html. */
export function icon(name) {
  const [svg, use] = ["svg", "use"].map(
    (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A name's first character, in a circle whose colour follows from the name. */
export function avatar(name, kind) {
  const hue = [...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 997, 7) % 8;
  const face = kind === "notices" ? icon("bell") : clip(name, 1).toUpperCase() || "?";
  return h("span", { class: `avatar ${kind} hue-${hue}`, "aria-hidden": "true" }, face);
}

/** Sets the static texts of index.html in the current language. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    const text = say(element.dataset.label);
    element.setAttribute("aria-label", text);
    if (element.matches("button")) element.title = text;
    if (element.matches("input, textarea")) element.placeholder = text;
  }
}

/**
 * Makes `parent` hold these rows in this order, and changes only what must change. A row is
 * `{key, mark, make}`: its element is made again when the mark has changed.
 */
export function arrange(parent, rows) {
  const before = parent.rows ?? new Map();
  const after = new Map();
  const focused = [...before].find(([, { element }]) => element.contains(document.activeElement));
  const isWhole = focused?.[1].element === document.activeElement;
  let at = parent.firstChild;
  for (const { key, mark, make } of rows) {
    let row = before.get(key);
    if (row?.mark !== mark) {
      if (row?.element === at) at = at?.nextSibling ?? null;
      row?.element.remove();
      row = { mark, element: make() };
    }
    after.set(key, row);
    if (row.element === at) at = at.nextSibling;
    else parent.insertBefore(row.element, at);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
  parent.rows = after;
  if (focused && !parent.contains(document.activeElement)) {
    const element = after.get(focused[0])?.element;
    (isWhole ? element : element?.querySelector("button"))?.focus();
  }
}

/** Makes one Tab stop of many elements: the one with the focus, else `preferred`. */
export function rove(elements, preferred) {
  const stop = elements.find((element) => element === document.activeElement) ?? preferred;
  for (const element of elements) {
    const index = element === stop ? 0 : -1;
    if (element.tabIndex !== index) element.tabIndex = index;
  }
}

/** The time of an event: the time of day, and the day in words. */
export function timeOf(unix, lang) {
  return new Date(unix * 1000).toLocaleTimeString(locale(lang), { timeStyle: "short" });
}

export function isSameDay(unix, other) {
  return startOfDay(unix * 1000) === startOfDay(other * 1000);
}

export function dayOf(unix, lang) {
  const date = new Date(unix * 1000);
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / 86_400_000);
  if (days === 0) return say("today");
  if (days === 1) return say("yesterday");
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(
    locale(lang), { weekday: "long", day: "numeric", month: "long", year });
}

/** A short form for the list: today the time, else the date. */
export function whenOf(unix, lang) {
  const date = new Date(unix * 1000);
  if (startOfDay(date) === startOfDay(new Date())) return timeOf(unix, lang);
  return date.toLocaleDateString(locale(lang), { day: "numeric", month: "short" });
}

function startOfDay(date) {
  return new Date(date).setHours(0, 0, 0, 0);
}

/** The browser's own kind of English, if it has one. */
function locale(lang) {
  if (lang === "zh") return "zh-CN";
  return navigator.languages.find((tag) => tag.startsWith("en")) ?? "en-GB";
}
