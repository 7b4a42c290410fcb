// The list: who asks, and all conversations, the last used first.

import { arrange, avatar, h, peer, saying, whenOf } from "./dom.js";
import { WORDS, currentLang, say } from "./words.js";

/** Of a message, what a row can show. */
const PREVIEW_CHARS = 90;

export class List {
  #root = document.querySelector("#rooms aside");
  #rows = this.#root.querySelector(".list");
  #requests = this.#root.querySelector(".requests");
  #empty = this.#root.querySelector(".empty");
  #filter = this.#root.querySelector("[type=search]");
  #me = this.#root.querySelector(".me");
  #world;
  #actions;

  /** `actions` has `open(conversation)`, `account()`, `add()`, `administer()`,
   *  `act(type, args)`. */
  constructor(world, actions) {
    this.#world = world;
    this.#actions = actions;
    this.#me.addEventListener("click", () => actions.account());
    this.#root.querySelector("[data-new]").addEventListener("click", () => actions.add());
    this.#root.querySelector("[data-admin]").addEventListener("click", () => actions.administer());
    this.#root.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** `isFinding`: what was found stands here instead. */
  render(isFinding) {
    const { me, requests } = this.#world;
    if (!me) return;
    this.#me.replaceChildren(avatar(me.name, "user"), peer(me.name, { class: "name" }));
    this.#root.querySelector("[data-admin]").hidden = !me.isAdmin;
    const lang = currentLang();
    arrange(this.#requests, requests.map((name) => ({
      key: name, mark: lang, make: () => this.#request(name),
    })));
    const wanted = this.#filter.value.trim().toLowerCase();
    const rows = this.#world.rows.filter(
      ({ name, creator = "" }) => `${name} ${creator}`.toLowerCase().includes(wanted));
    arrange(this.#rows, rows.map((row) => this.#row(row, lang)));
    this.#rows.hidden = this.#requests.hidden = isFinding;
    this.#empty.hidden = isFinding || rows.length > 0 || !this.#world.isComplete;
    this.#empty.textContent = say(wanted ? "nothing_found" : "nobody_yet");
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
    const mark = [lang, isOpen, unread, presence, words, when, group?.blocked].join();
    return { key, mark, make: () => this.#button(conversation, { isOpen, friend, group, when }) };
  }

  #button(conversation, { isOpen, friend, group, when }) {
    const { kind, name, unread } = conversation;
    const face = avatar(name, kind);
    if (friend) face.classList.toggle("online", friend.online);
    return h("button", {
      type: "button", class: "row", "data-key": conversation.key,
      "aria-current": isOpen ? "true" : undefined,
      onclick: () => this.#actions.open(conversation),
    },
    face,
    h("span", { class: "title" }, kind === "notices" ? say("notices") : peer(name)),
    h("span", { class: "when muted" }, when),
    h("span", { class: "preview muted" }, preview(conversation, friend, group)),
    friend ? h("span", { class: "unseen" }, say(friend.online ? "online" : "offline")) : null,
    unread ? h("span", { class: "badge", "aria-label": say("unread", { count: unread }) },
      unread > 999 ? "999+" : String(unread)) : null);
  }

  /** Up and down go from row to row. */
  #walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...this.#root.querySelectorAll("nav:not([hidden]) button")];
    const at = rows.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== this.#filter) return;
    event.preventDefault();
    const next = at + step;
    (next < 0 ? this.#filter : rows[Math.min(next, rows.length - 1)])?.focus();
  }
}

/** The last thing that happened there, or else who is there. */
function preview({ kind, last, creator }, friend, group) {
  if (last) {
    const text = last.text.slice(0, PREVIEW_CHARS).replace(/\s+/g, " ");
    if (!last.said) return wordsOf(last);
    if (last.own) return saying("you_said", { text });
    if (kind === "group") return saying("they_said", { who: last.from, text });
    return peer(text);
  }
  if (friend) return say(friend.online ? "online" : "offline");
  if (group) return [peer(creator), " · ", say("online_of", group)];
  return kind === "notices" ? say("notices_sub") : "";
}

/** An event in our own words, so that they follow the language; in the server's, if it is one of a
 *  later version. */
export function wordsOf({ event, from, text }) {
  const key = `event_${event}`;
  return key in WORDS ? saying(key, { who: from }) : peer(text);
}
