// The search for messages, in the field that finds conversations by name as well.
//
// If no conversation has the name, Enter asks the server. The results are shown in the place of the
// list, the newest first, until the field changes or Escape is pressed.

import { arrange, avatar, h, peer, rove, saying, whenOf } from "./dom.js";
import { clip, clipStart } from "./text.js";
import { currentLang, say } from "./words.js";

/** How much of a message is shown before the word and from it on. */
const BEFORE_CHARS = 20;
const FROM_CHARS = 120;
/** A character may be long; only this many UTF-16 units around the word are looked at. */
const SNIPPET_UNITS = 2_000;
/** This many hits are shown, if there are so many, before the user must ask for more. */
const HITS_AT_ONCE = 20;

export class Search {
  #field = document.querySelector("#rooms [type=search]");
  #found = document.querySelector("#rooms .found");
  #world;
  #actions;
  /** `{query, hits, next, unsearched, why, isBusy}`, or null. */
  #search = null;

  /** `actions` has `changed()`, `openAt(conversation, seq)`, and `openFirst()`, which opens the first
   *  conversation whose name matches, and is false if there is none. */
  constructor(world, actions) {
    this.#world = world;
    this.#actions = actions;
    this.#field.addEventListener("input", () => this.#end());
    document.addEventListener("keydown", (event) => this.#typed(event));
  }

  /** Shows the results in the place of the list. */
  get isFinding() {
    return this.#search !== null;
  }

  leave() {
    this.#field.value = "";
    this.#end();
  }

  render() {
    this.#found.hidden = !this.isFinding;
    if (!this.isFinding) return;
    const lang = currentLang();
    const { query, hits, next, unsearched, why, isBusy } = this.#search;
    const rows = hits.map((hit) => (
      { key: hit.item.seq, mark: `${lang} ${query}`, make: () => this.#row(hit, lang) }));
    const mark = [lang, hits.length, next, unsearched, why, isBusy].join();
    arrange(this.#found, [...rows, { key: "end", mark, make: () => this.#tail() }]);
    const buttons = [...this.#found.querySelectorAll("button")];
    rove(buttons, buttons[0]);
  }

  #row({ item, place }, lang) {
    const [kind, name] = place;
    const text = snippet(item.text, this.#search.query);
    const words = item.own ? saying("you_said", { text })
      : saying("they_said", { who: item.from, text });
    const open = () => this.#actions.openAt(this.#world.conversation(...place), item.seq);
    return h("button", { type: "button", class: "row", onclick: open },
      avatar(name, kind),
      h("span", { class: "title" }, kind === "notices" ? say("notices") : peer(name)),
      h("span", { class: "when muted" }, whenOf(item.time, lang)),
      h("span", { class: "preview muted" }, words));
  }

  /** The state of the search, and the button for more. */
  #tail() {
    const { hits, next, unsearched, why, isBusy } = this.#search;
    const line = (text) => h("p", { class: "muted", role: "status" }, text);
    if (isBusy && !hits.length) return line("…");
    if (why) return line(why);
    if (next) {
      // It stays a button while it waits, so that it keeps the focus.
      return h("button", { type: "button", class: "quiet", onclick: () => isBusy || this.#goOn() },
        isBusy ? "…" : say("earlier"));
    }
    if (unsearched) return line(say("unsearched", { count: unsearched }));
    return line(hits.length ? "" : say("none_found"));
  }

  #typed(event) {
    // Keys for an input method, and keys for a dialog, are not handled here.
    const isOthers = event.isComposing || event.keyCode === 229
      || document.querySelector("dialog[open]") || this.#field.offsetParent === null;
    if (isOthers) return;
    const isCalled = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (isCalled) {
      event.preventDefault();
      this.#field.select();
    }
    if (event.key === "Escape" && this.isFinding) this.leave();
    const isAsked = event.key === "Enter" && event.target === this.#field;
    if (isAsked && (this.isFinding || !this.#actions.openFirst())) this.begin();
  }

  /** Searches the messages for the words in the field. */
  begin() {
    const query = this.#field.value.trim();
    if (!query) return;
    // On a touch screen the keyboard would cover the results.
    if (matchMedia("(pointer: coarse)").matches) this.#field.blur();
    this.#search = { query, hits: [] };
    this.#goOn();
  }

  async #goOn() {
    const search = this.#search;
    let { hits } = search, page = search;
    const enough = hits.length + HITS_AT_ONCE;
    search.isBusy = true;
    this.#actions.changed();
    // A search that was cut short brings few hits or none, and there may be more.
    do {
      page = await this.#world.search(search.query, page.next);
      hits = [...hits, ...page.hits];
    } while (search === this.#search && page.next && hits.length < enough);
    Object.assign(search, { why: "", ...page, hits, isBusy: false });
    this.#actions.changed();
  }

  #end() {
    this.#search = null;
    this.#actions.changed();
  }
}

/** A text from a little before the first of the words on; from its beginning, if the words are not
 *  found in it as they were typed. */
function snippet(text, query) {
  const words = query.toLowerCase().split(/\s+/);
  const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  let at = places.length ? Math.min(...places) : 0;
  // Before a character, not inside it.
  while (at > 0 && /^[\p{M}\p{Cf}\udc00-\udfff]/u.test(text.slice(at))) at -= 1;
  const near = text.slice(Math.max(0, at - SNIPPET_UNITS), at);
  const before = clipStart(near, BEFORE_CHARS);
  const from = clip(text.slice(at, at + SNIPPET_UNITS), FROM_CHARS);
  return `${before.length < at ? "…" : ""}${before}${from}`.replace(/\s+/g, " ");
}
