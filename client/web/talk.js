// The open conversation: its messages, and the field for a new one.
//
// It follows the newest message while that is visible, and stays in its place while the user reads
// older messages, or a part that a search found. Only `stateOf` tells the state of an own message.

import { arrange, avatar, dayOf, h, icon, isSameDay, peer, saying, timeOf } from "./dom.js";
import { linksIn } from "./links.js";
import { wordsOf } from "./list.js";
import { TOO_SOON_MS, isSure } from "./question.js";
import { bytesOf, partsOf } from "./text.js";
import { currentLang, say } from "./words.js";

/** Messages of one user within this many seconds stand together. */
const TOGETHER_S = 300;
/** Nearer to the end than this counts as at the end, in pixels. */
const END_PX = 60;
/** Nearer to the beginning than this, older messages are fetched; to a part's end, newer ones. */
const TOP_PX = 300;
/** A message that was searched for is marked for this long. */
const SOUGHT_MS = 3_000;
const MESSAGE_BYTES_MAX = 8_000;
/** From this length on the page shows how many bytes are left. */
const MESSAGE_BYTES_CLOSE = 7_000;
/** A longer text is not sent as several messages: it would bury the conversation. */
const PARTS_MAX = 20;

export class Talk {
  #root = document.querySelector(".talk");
  #scroll = this.#root.querySelector(".scroll");
  #top = this.#root.querySelector(".top");
  #messages = this.#root.querySelector(".messages");
  #newest = this.#root.querySelector(".newest");
  #measure = this.#root.querySelector(".measure");
  #form = this.#root.querySelector(".composer");
  #text = this.#root.querySelector("textarea");
  #world;
  #actions;
  #shown = null;
  #part = null;
  #isAtEnd = true;
  /** The view must scroll to the new messages. */
  #isToShowNew = false;
  /** When the focus last moved to the button that sends a text as several messages. */
  #offered = -Infinity;

  /** `actions` has `back()`, `details(conversation)`, `fail(text)`. */
  constructor(world, actions) {
    this.#world = world;
    this.#actions = actions;
    this.#root.querySelector(".back").addEventListener("click", () => actions.back());
    this.#root.querySelector("[data-details]").addEventListener(
      "click", () => actions.details(this.#shown));
    this.#scroll.addEventListener("scroll", () => this.#scrolled());
    this.#newest.append(icon("down"));
    this.#newest.addEventListener("click", () => {
      if (this.#part) world.show(this.#shown);
      else this.#toEnd();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => {
      this.#shown.draft = this.#text.value;
      this.#fit();
    });
    this.#scroll.addEventListener("keydown", (event) => this.#walk(event));
    this.#text.addEventListener("keydown", (event) => this.#typed(event));
    for (const moment of ["focus", "blur"]) addEventListener(moment, () => this.#watch());
    document.addEventListener("visibilitychange", () => this.#watch());
    new ResizeObserver(() => this.#isAtEnd && this.#toEnd()).observe(this.#scroll);
  }

  render() {
    const { open: conversation, part, sought } = this.#world;
    this.#root.hidden = !conversation;
    if (!conversation) {
      arrange(this.#messages, []);
      this.#root.querySelector(".whom").replaceChildren();
      this.#text.value = this.#text.placeholder = "";
      return (this.#shown = null);
    }
    const gone = part ? null : this.#part;
    this.#part = part;
    const isLeft = gone !== null && !gone.isJoined;
    if (conversation !== this.#shown || isLeft) this.#begin(conversation);
    if (sought) this.#isAtEnd = this.#isToShowNew = false;
    const block = part ?? conversation;
    this.#renderHead(conversation);
    const [heightBefore, topBefore, firstBefore] = [
      this.#scroll.scrollHeight, this.#scroll.scrollTop, this.#messages.firstChild];
    this.#renderTop(block);
    arrange(this.#messages, rowsOf(block, currentLang(), this.#actionsFor(conversation)));
    const grewAbove = firstBefore && this.#messages.firstChild !== firstBefore;
    const isRead = !conversation.isStale || conversation.failure;
    if (sought) this.#toSought(sought);
    else if (this.#isToShowNew && isRead) this.#toNew();
    else if (this.#isAtEnd) this.#toEnd();
    else if (grewAbove) {
      this.#scroll.scrollTop = topBefore + this.#scroll.scrollHeight - heightBefore;
    }
    if (gone?.isJoined) this.#scrolled();
    this.#renderEnd(conversation);
    this.#fetch();
  }

  #begin(conversation) {
    this.#shown = conversation;
    this.#isAtEnd = true;
    this.#isToShowNew = conversation.newAfter !== null;
    this.#messages.replaceChildren();
    this.#messages.rows = undefined;
    this.#text.value = conversation.draft;
    this.#fit();
    this.focus();
  }

  /** Moves the focus to the text field. Not on a touch screen: the keyboard would cover the
   *  messages. */
  focus() {
    if (matchMedia("(pointer: fine)").matches) this.#text.focus();
  }

  #renderHead({ kind, name, creator, key }) {
    const [friend, group] = [this.#world.friends.get(name), this.#world.groups.get(key)];
    const sub = kind === "notices" ? say("notices_sub")
      : kind === "group" ? [peer(creator), group ? ` · ${say("online_of", group)}` : ""]
        : friend ? say(friend.online ? "online" : "offline") : "";
    const face = avatar(name, kind);
    if (kind === "user") face.classList.toggle("online", friend?.online === true);
    this.#root.querySelector(".whom").replaceChildren(
      face, h("h2", {}, kind === "notices" ? say("notices") : peer(name)),
      h("p", { class: "muted" }, sub));
    this.#root.querySelector("[data-details]").hidden = kind === "notices";
  }

  #renderTop(conversation) {
    const { kind, isLoading, isStale, hasOlder, failure } = conversation;
    const mark = [currentLang(), conversation.key, isLoading, isStale, hasOlder, failure].join();
    if (this.#top.dataset.mark === mark) return;
    this.#top.dataset.mark = mark;
    const older = h("button", {
      type: "button", class: "quiet", onclick: () => this.#world.loadOlder(conversation),
    }, say("earlier"));
    this.#top.replaceChildren(
      failure ? h("p", { class: "muted" }, say("history_failed", { why: failure }))
        : isLoading ? h("p", { class: "muted" }, "…")
          : kind !== "notices" && hasOlder && !isStale ? older
            : kind !== "notices" && !isStale ? h("p", { class: "muted" }, say("beginning")) : "");
  }

  #renderEnd(conversation) {
    const obstacle = this.#world.obstacle(conversation);
    const line = this.#root.querySelector(".obstacle");
    this.#form.hidden = obstacle !== null;
    line.hidden = obstacle === null;
    if (obstacle) line.replaceChildren(...saying(obstacle, { who: conversation.name }));
    const label = say("write_to", { who: plain(conversation.name) });
    this.#text.placeholder = label;
    this.#text.setAttribute("aria-label", label);
    this.#newest.hidden = this.#isAtEnd;
    this.#newest.dataset.unread = conversation.unread || "";
    this.#watch();
  }

  #actionsFor(conversation) {
    return {
      retry: (item) => this.#world.retry(conversation, item),
      discard: async (item) => {
        const isRefused = item.state === "failed";
        const text = say(isRefused ? "sure_discard" : "sure_discard_unknown");
        const isMeant = await isSure(say("discard"), text);
        if (isMeant) this.#world.discard(conversation, item);
      },
      count: async (item) => {
        const why = await this.#world.countReaders(item);
        if (why !== null) this.#actions.fail(why);
      },
    };
  }

  // The place that is visible.

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    const wasAtEnd = this.#isAtEnd;
    // The end of a part is not the end.
    this.#isAtEnd = !this.#part && scrollHeight - scrollTop - clientHeight < END_PX;
    if (wasAtEnd !== this.#isAtEnd && this.#shown) this.#renderEnd(this.#shown);
    this.#fetch();
  }

  #toSought(seq) {
    this.#world.sought = null;
    const message = this.#messages.querySelector(`[data-seq="${seq}"]`);
    if (!message) return this.#toEnd();
    message.scrollIntoView({ block: "center" });
    message.classList.add("sought");
    setTimeout(() => message.classList.remove("sought"), SOUGHT_MS);
    this.#scrolled();
  }

  /** Scrolls to the first unread message, or as near to it as the messages after it allow. */
  #toNew() {
    this.#isToShowNew = false;
    const line = this.#messages.querySelector(".new");
    if (!line) return this.#toEnd();
    line.scrollIntoView({ block: "start" });
    this.#scrolled();
  }

  #toEnd() {
    this.#isAtEnd = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newest.hidden = true;
    this.#watch();
  }

  #fetch() {
    const block = this.#part ?? this.#shown;
    if (!block || block.failure || block.isStale) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    if (scrollTop <= TOP_PX) this.#world.loadOlder(block);
    else if (scrollHeight - scrollTop - clientHeight <= TOP_PX) this.#world.loadNewer();
  }

  #watch() {
    const isSeen = !document.hidden && document.hasFocus() && this.#isAtEnd && !this.#isToShowNew
      && this.#root.offsetParent !== null;
    this.#world.watch(isSeen);
  }

  /** Up and Down move from message to message. All messages are one Tab stop; the links in the
   *  current message are further ones. Escape moves to the text field. */
  #walk(event) {
    if (event.key === "Escape") return this.#text.focus();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const messages = [...this.#messages.querySelectorAll("article")];
    const at = messages.indexOf(document.activeElement.closest("article"));
    const bottom = this.#scroll.getBoundingClientRect().bottom;
    const next = at >= 0 ? messages[at + step] : messages.findLast(
      (message) => message.getBoundingClientRect().top < bottom);
    if (!next) return;
    for (const inside of this.#messages.querySelectorAll("article .bubble :is(a, button)")) {
      inside.tabIndex = next.contains(inside) ? 0 : -1;
    }
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  // The text field.

  #typed(event) {
    // In an input method Enter chooses a word. On a touch screen there is a button to send.
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing
      && event.keyCode !== 229 && !matchMedia("(pointer: coarse)").matches;
    if (sends) {
      event.preventDefault();
      // A key that is held down is one press.
      if (!event.repeat) this.#submit();
    }
  }

  #submit() {
    const text = sayable(this.#text.value);
    if (!text) return this.#text.focus();
    // The button above it tells how it can be sent.
    if (bytesOf(text) > MESSAGE_BYTES_MAX) {
      this.#offered = performance.now();
      return this.#measure.querySelector("button")?.focus();
    }
    this.#send([text]);
  }

  /** The button that sends a text as several messages. The press that moved the focus to it does not
   *  press it: neither the release of the key, nor a key that is still held down. */
  #partsButton(parts) {
    const press = () => {
      if (performance.now() - this.#offered > TOO_SOON_MS) this.#send(parts);
    };
    const onkeydown = (event) => event.repeat && event.preventDefault();
    return h("button", { type: "button", onclick: press, onkeydown },
      say("send_parts", { count: parts.length }));
  }

  #send(texts) {
    this.#text.value = this.#shown.draft = "";
    this.#fit();
    this.#text.focus();
    this.#isAtEnd = true;
    this.#part = null;
    for (const text of texts) this.#world.send(this.#shown, text);
  }

  /** Makes the field as high as its text, and shows the length of a long text. */
  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
    const text = sayable(this.#text.value);
    const bytes = bytesOf(text);
    this.#measure.hidden = bytes < MESSAGE_BYTES_CLOSE;
    if (this.#measure.hidden) return this.#measure.replaceChildren();
    const parts = bytes > MESSAGE_BYTES_MAX ? partsOf(text, MESSAGE_BYTES_MAX) : [];
    const count = parts.length;
    const lang = currentLang();
    const [length, max] = [bytes, MESSAGE_BYTES_MAX].map((number) => number.toLocaleString(lang));
    this.#measure.replaceChildren(
      h("span", { class: count ? "over" : "" }, say("length", { length, max })),
      count > PARTS_MAX ? h("span", {}, say("far_too_long", { count: PARTS_MAX }))
        : count ? this.#partsButton(parts) : "");
  }
}

/** The text as it is sent: well-formed, with its line breaks, without empty lines around it. */
function sayable(text) {
  return text.toWellFormed().replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}

/** The days, the line before new messages, and the messages. */
function rowsOf({ items, newAfter, kind, marks }, lang, actions) {
  const rows = [];
  let before = null;
  let dayBefore = 0;
  let isMarked = newAfter === null;
  for (const item of items) {
    if (!isSameDay(dayBefore, item.time)) {
      const words = dayOf(item.time, lang);
      const make = () => h("p", { class: "day" }, words);
      rows.push({ key: `day ${item.mid ?? item.seq}`, mark: words, make });
      before = null;
    }
    dayBefore = item.time;
    if (!isMarked && item.seq > newAfter && !item.own) {
      isMarked = true;
      const make = () => h("p", { class: "new" }, say("new_messages"));
      rows.push({ key: "new", mark: lang, make });
      before = null;
    }
    const isFirst = !before || before.from !== item.from || !before.said
      || before.system !== item.system || item.time - before.time > TOGETHER_S;
    const state = stateOf(item, marks);
    const { why, seq, time, readers } = item;
    const mark = [lang, state, why, isFirst, seq, time, readers?.read, readers?.total].join();
    const make = () => element(item, state, kind, isFirst, lang, actions);
    rows.push({ key: item.mid ?? `seq ${item.seq}`, mark, make });
    before = item;
  }
  return rows;
}

function element(item, state, kind, isFirst, lang, actions) {
  if (!item.said) return h("p", { class: "event" }, wordsOf(item));
  const isNamed = isFirst && !item.own && (kind !== "user" || item.system);
  const head = h("p", { class: "from" },
    isNamed ? peer(item.from) : null,
    item.system && isFirst ? h("span", { class: "system" }, say("system_mark")) : null);
  return h("article", {
    class: ["message", item.own ? "own" : "", isFirst ? "first" : "", item.state].join(" "),
    "data-seq": item.seq, tabindex: -1,
  },
  head.childNodes.length ? head : null,
  h("div", { class: "bubble" },
    h("div", { class: "text", dir: "auto" }, linksIn(item.text).map(linked)),
    h("span", { class: "foot" }, timeOf(item.time, lang),
      item.own ? sign(item, state, kind, actions) : null)),
  item.readers ? h("p", { class: "readers muted" }, say("read_by", item.readers)) : null,
  ["failed", "unknown", "aside"].includes(item.state) ? trouble(item, actions) : null);
}

/** The state of an own message: on its way to the disk, stored, received, read. */
function stateOf({ state, seq }, { delivered, read }) {
  if (state !== "kept") return state;
  return seq <= read ? "read" : seq <= delivered ? "received" : "kept";
}

/** In a group, a press asks how many members have read the message. */
function sign(item, state, kind, { count }) {
  const [sign, words] = {
    sending: ["◌", say("state_sending")],
    kept: ["✓", say("state_kept")],
    received: ["✓✓", say("state_received")],
    read: ["✓✓", say("state_read")],
    unknown: ["?", say("state_unknown")],
    aside: ["?", say("state_aside")],
    failed: ["!", say("state_failed", { why: item.why ?? "" })],
  }[state];
  if (kind === "group" && state === "kept") {
    const label = `${words}. ${say("who_read")}`;
    return h("button", {
      type: "button", class: "state kept", "aria-label": label, title: label, tabindex: -1,
      onclick: () => count(item),
    }, sign);
  }
  const attributes = { class: `state ${state}`, role: "img", "aria-label": words, title: words };
  return h("span", attributes, sign);
}

function trouble(item, { retry, discard }) {
  const why = {
    failed: say("state_failed", { why: item.why }),
    unknown: say("state_unknown"),
    aside: say("state_aside"),
  }[item.state];
  return h("p", { class: "trouble" }, why,
    h("button", { type: "button", onclick: () => retry(item) }, say("try_again")),
    h("button", { type: "button", onclick: () => discard(item) }, say("discard")));
}

/** A piece of a text. An address is isolated, so that it changes the direction of no other text. */
function linked(piece) {
  if (typeof piece === "string") return piece;
  return h("a", {
    href: piece.href, dir: "ltr", target: "_blank", rel: "noopener noreferrer", tabindex: -1,
  }, piece.shown);
}

/** Isolates a text where no element can. */
const plain = (text) => text.replace(/\p{C}/gu, "");
