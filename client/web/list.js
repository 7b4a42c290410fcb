// The list: users who ask to be friends, and all conversations, the last used first.

import { arrange, avatar, h, peer, rove, saying, whenOf } from "./dom.js";
import { clip } from "./text.js";
import { WORDS, currentLang, say } from "./words.js";

/** The part of a message that a row can show. */
const PREVIEW_CHARS = 90;
/** A character may be long; only this many UTF-16 units are looked at. */
const PREVIEW_UNITS = 2_000;

export class List {
  #root = document.querySelector("#rooms aside");
  #rows = this.#root.querySelector(".list");
  #requests = this.#root.querySelector(".requests");
  #empty = this.#root.querySelector(".empty");
  #filter = this.#root.querySelector("[type=search]");
  #me = this.#root.querySelector(".me");
  #world;
  #actions;

  /** `actions` has `open(conversation)`, `account()`, `add()`, `administer()`, `search()`,
   *  `act(type, args)`. */
  constructor(world, actions) {
    this.#world = world;
    this.#actions = actions;
    this.#me.addEventListener("click", () => actions.account());
    this.#root.querySelector("[data-new]").addEventListener("click", () => actions.add());
    this.#root.querySelector("[data-admin]").addEventListener("click", () => actions.administer());
    this.#root.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** `isFinding`: the results of a search are shown instead. */
  render(isFinding) {
    const { me, requests } = this.#world;
    if (!me) return [this.#requests, this.#rows, this.#me].forEach((part) => arrange(part, []));
    this.#me.title = say("account");
    this.#me.replaceChildren(avatar(me.name, "user"), peer(me.name, { class: "name" }),
      h("span", { class: "unseen" }, say("account")));
    this.#root.querySelector("[data-admin]").hidden = !me.isAdmin;
    const lang = currentLang();
    arrange(this.#requests, requests.map((name) => ({
      key: name, mark: lang, make: () => this.#request(name),
    })));
    const wanted = this.#filter.value.trim();
    const found = this.#found(wanted);
    const rows = found.map((row) => this.#row(row, lang));
    if (wanted) rows.push({ key: "search", mark: lang + wanted, make: () => this.#searching(wanted) });
    arrange(this.#rows, rows);
    const buttons = [...this.#rows.children];
    rove(buttons, buttons.find((row) => row.hasAttribute("aria-current")) ?? buttons[0]);
    this.#rows.hidden = this.#requests.hidden = isFinding;
    this.#empty.hidden = isFinding || rows.length > 0 || !this.#world.isComplete;
    this.#empty.textContent = say("nobody_yet");
  }

  /** Opens the first conversation whose name matches. False: there is none. */
  openFirst() {
    const wanted = this.#filter.value.trim();
    const first = wanted ? this.#found(wanted)[0] : undefined;
    if (first) this.#actions.open(first);
    return first !== undefined;
  }

  #found(wanted) {
    return this.#world.rows.filter(({ name, creator = "" }) => (
      `${name} ${creator}`.toLowerCase().includes(wanted.toLowerCase())));
  }

  #searching(wanted) {
    return h("button", { type: "button", class: "row searching", onclick: () => this.#actions.search() },
      h("span", {}, saying("search_messages", { text: wanted })));
  }

  #request(name) {
    const answer = (type) => this.#actions.act(type, { username: name });
    return h("div", { class: "request" },
      h("p", {}, saying("asks", { who: name })),
      h("button", { type: "button", class: "primary", onclick: () => answer("accept") },
        say("accept")),
      h("button", { type: "button", onclick: () => answer("reject") }, say("reject")));
  }

  #row(conversation, lang) {
    const { key, kind, name, unread, time, last } = conversation;
    const isOpen = conversation === this.#world.open;
    const friend = kind === "user" ? this.#world.friends.get(name) : undefined;
    const group = kind === "group" ? this.#world.groups.get(key) : undefined;
    const presence = friend ? String(friend.online) : group ? `${group.online}/${group.total}` : "";
    const words = last ? `${last.seq ?? last.mid}${last.state}` : "";
    const when = time ? whenOf(time, lang) : "";
    const mark = [lang, name, isOpen, unread, presence, words, when, group?.blocked].join();
    return { key, mark, make: () => this.#button(conversation, { isOpen, friend, group, when }) };
  }

  #button(conversation, { isOpen, friend, group, when }) {
    const { kind, name, unread } = conversation;
    const face = avatar(name, kind);
    if (friend) face.classList.toggle("online", friend.online);
    return h("button", {
      type: "button", class: "row", "data-key": conversation.key,
      "aria-current": isOpen ? "true" : undefined,
      // By then the same row may show another conversation of that name.
      onclick: () => this.#actions.open(this.#world.conversations.get(conversation.key)),
    },
    face,
    h("span", { class: "title" }, kind === "notices" ? say("notices") : peer(name)),
    h("span", { class: "when muted" }, when),
    h("span", { class: "preview muted" }, preview(conversation, friend, group)),
    friend ? h("span", { class: "unseen" }, say(friend.online ? "online" : "offline")) : null,
    unread ? h("span", { class: "badge", "aria-label": say("unread", { count: unread }) },
      unread > 999 ? "999+" : String(unread)) : null);
  }

  /** Up and Down move from row to row. All rows are one Tab stop. */
  #walk(event) {
    const rows = [...this.#root.querySelectorAll("nav:not([hidden]) button")];
    const at = rows.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    const isInField = at < 0 && document.activeElement === this.#filter;
    if (next === undefined || (at < 0 && !(isInField && event.key === "ArrowDown"))) return;
    event.preventDefault();
    (next < 0 ? this.#filter : rows[Math.min(next, rows.length - 1)])?.focus();
    rove(rows, rows[0]);
  }
}

/** The last event in it, or who is online. */
function preview({ kind, last, creator }, friend, group) {
  if (last) {
    const text = clip(last.text.slice(0, PREVIEW_UNITS), PREVIEW_CHARS).replace(/\s+/g, " ");
    if (!last.said) return wordsOf(last);
    if (last.own) return saying("you_said", { text });
    if (kind === "group") return saying("they_said", { who: last.from, text });
    return peer(text);
  }
  if (friend) return say(friend.online ? "online" : "offline");
  if (group) return [peer(creator), " · ", say("online_of", group)];
  return kind === "notices" ? say("notices_sub") : "";
}

/** An event in the page's own words, so that they follow its language; in the server's words, if
 *  this version does not know the event. */
export function wordsOf({ event, from, text }) {
  const key = `event_${event}`;
  return key in WORDS ? saying(key, { who: from }) : peer(text);
}
