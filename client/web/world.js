// What the page knows: who I am, my friends and groups, the conversations, and what is being sent.
//
// No element of the page is known here; the views read it and are told when it has changed. What
// must survive the page stands in `#remember`: it is kept before it is confirmed or sent.

import { Conversation, NOTICES, groupKey, itemOf, placeOf, userKey } from "./conversation.js";
import { nextMid } from "./requests.js";

/** Messages of a page of history; the server gives up to 200. */
const PAGE = 50;
/** Conversations whose last message is read when the page begins. */
const PREVIEWS = 12;
/** Notices kept in the browser: broadcasts are in no history. */
const NOTICES_KEPT = 50;
/** Changes of friends and groups come in crowds; the lists are read this long after the last. */
const REFRESH_MS = 250;

export class World {
  me = null;
  /** Name → {name, online}. */
  friends = new Map();
  /** Who asks to be a friend. */
  requests = [];
  /** Key → {groupname, creator, online, total, blocked}. */
  groups = new Map();
  conversations = new Map();
  /** The conversation that is on the screen, or null. */
  open = null;
  /** Friends and groups have been read. */
  isComplete = false;
  #isWatched = false;
  #session;
  #keep;
  #tell;
  #refreshing = null;

  /** `tell` has `changed()`: something is to be drawn anew. */
  constructor(session, keep, tell) {
    this.#session = session;
    this.#keep = keep;
    this.#tell = tell;
    const memory = keep.memory;
    if (memory) session.stream.restore(memory.log, memory.shown);
  }

  // A session begins and ends.

  begin(welcome) {
    const memory = this.me ? null : this.#keep.memory;
    this.me = { name: welcome.username, id: welcome.user_id, isAdmin: welcome.is_admin };
    const wasOpen = memory?.userId === this.me.id ? this.#recall(memory) : this.open;
    for (const conversation of this.conversations.values()) {
      conversation.goStale();
      const doubtful = conversation.items.filter((item) => item.state === "unknown");
      doubtful.forEach((item) => this.#dispatch(conversation, item));
    }
    this.refresh();
    if (wasOpen === this.open && wasOpen) this.#loadNewest(wasOpen);
    else if (wasOpen) this.show(wasOpen);
    this.#tell.changed();
  }

  end() {
    this.me = this.open = null;
    this.isComplete = false;
    for (const known of [this.friends, this.groups, this.conversations]) known.clear();
    this.requests = [];
    this.#tell.changed();
  }

  /** To be called before what came is confirmed. */
  remember() {
    if (!this.me) return;
    const all = [...this.conversations.values()];
    this.#keep.memory = {
      userId: this.me.id,
      log: this.#session.stream.log,
      shown: this.#session.stream.shown,
      open: this.open?.key,
      conversations: all.filter(({ time, unread }) => time || unread).map(
        ({ kind, name, creator, unread, read, time }) => (
          { kind, name, creator, unread, read, time }),
      ),
      notices: this.conversations.get(NOTICES)?.items.slice(-NOTICES_KEPT) ?? [],
      unsent: all.flatMap(({ kind, name, creator, items }) => items
        .filter((item) => item.state === "sending" || item.state === "unknown")
        .map((item) => ({ kind, name, creator, item }))),
    };
  }

  /** What an earlier life of the page knew; returns what was open then. */
  #recall(memory) {
    const sameLog = memory.log === this.#session.stream.log;
    for (const { kind, name, creator, unread, read, time } of memory.conversations) {
      const conversation = this.conversation(kind, name, creator);
      Object.assign(conversation, { unread, time, read: sameLog ? read : 0 });
    }
    memory.notices.forEach((item) => this.conversation("notices", "").insert(item));
    const unsent = memory.unsent.sort((a, b) => (a.item.mid < b.item.mid ? -1 : 1));
    for (const { kind, name, creator, item } of unsent) {
      item.state = "unknown";
      this.conversation(kind, name, creator).insert(item);
    }
    return this.conversations.get(memory.open) ?? null;
  }

  // What is pushed.

  take(push, isNew) {
    const item = itemOf(push, this.me.name);
    const conversation = this.conversation(...placeOf(push, this.me.name));
    if (push.type === "sysmsg") this.#heed(push.payload, conversation);
    // It stands among the requests until it is answered.
    if (item.event === "friend_requested") return this.#tell.changed();
    if (conversation.kind === "user" && !item.event) this.presence(item.from, true);
    if (!conversation.insert(item)) return;
    if (isNew && conversation.counts(item)) conversation.unread += 1;
    if (conversation === this.open) this.#markWatched();
    else conversation.trim();
    this.#tell.changed();
  }

  /** What an event changes at once; the lists follow. */
  #heed({ event, username }, { key, name, creator }) {
    if (event === "friend_added") this.friends.set(username, { name: username, online: true });
    if (event === "friend_removed") this.friends.delete(username);
    if (event === "friend_requested" && !this.requests.includes(username)) {
      this.requests.push(username);
    }
    if (event === "group_added") {
      this.groups.set(key, { groupname: name, creator, online: 1, total: 1, blocked: false });
    }
    if (event === "group_removed" || event === "group_deleted") this.groups.delete(key);
    if (/^(friend|group)_/.test(event)) this.refreshSoon();
  }

  /** A friend came or went. */
  presence(name, online) {
    const friend = this.friends.get(name);
    if (!friend || friend.online === online) return;
    friend.online = online;
    this.#tell.changed();
  }

  // Friends and groups.

  refreshSoon() {
    clearTimeout(this.#refreshing);
    this.#refreshing = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  /** Reads both lists anew. */
  async refresh() {
    const first = !this.isComplete;
    const requests = [];
    const [friends, groups] = await Promise.all([
      this.list("friends", "friends", {}, (data) => requests.push(...(data.requests ?? []))),
      this.list("groups", "groups"),
    ]);
    if (!this.me || !friends || !groups) return;
    this.requests = requests;
    this.friends = new Map(friends.map(({ username, online }) => (
      [username, { name: username, online }])));
    this.groups = new Map(groups.map((group) => (
      [groupKey(group.creator, group.groupname), group])));
    friends.forEach(({ username }) => this.conversation("user", username));
    groups.forEach(({ groupname, creator }) => this.conversation("group", groupname, creator));
    this.isComplete = true;
    this.#forgetGone();
    this.#tell.changed();
    if (first) this.#readPreviews();
  }

  /** What is no friend's and no group's any more, and has nothing to show. */
  #forgetGone() {
    for (const row of this.conversations.values()) {
      const isEmpty = !row.items.length && !row.unread && row !== this.open;
      if (isEmpty && !this.#isMine(row)) this.conversations.delete(row.key);
    }
  }

  /** All pages of a list, or null if one was refused. */
  async list(type, field, args = {}, look = () => {}) {
    const rows = [];
    let after;
    do {
      const { ok, data } = await this.ask(type, { ...args, after });
      if (!ok) return null;
      rows.push(...data[field]);
      look(data);
      // The same page again would never end.
      after = data.next === after ? undefined : data.next;
    } while (after);
    return rows;
  }

  ask(type, args) {
    return this.#session.ask(type, args);
  }

  // Conversations.

  /** The one of that name; made if it is not known. */
  conversation(kind, name, creator) {
    const fresh = new Conversation(kind, name, creator);
    if (!this.conversations.has(fresh.key)) this.conversations.set(fresh.key, fresh);
    return this.conversations.get(fresh.key);
  }

  /** Those worth a row: the last used first, then by name. */
  get rows() {
    const rows = [...this.conversations.values()].filter(
      (row) => row.time || row.unread || this.#isMine(row));
    return rows.sort((a, b) => b.time - a.time || a.name.localeCompare(b.name));
  }

  #isMine({ kind, name, key }) {
    return kind === "user" ? this.friends.has(name) : this.groups.has(key);
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
  }

  show(conversation) {
    const before = this.open;
    if (before === conversation) return;
    if (before) {
      before.newAfter = null;
      before.trim();
    }
    this.open = conversation;
    this.#isWatched = false;
    if (conversation) {
      conversation.newAfter = conversation.unread > 0 ? conversation.read : null;
      if (conversation.isStale) this.#loadNewest(conversation);
    }
    this.remember();
    this.#tell.changed();
  }

  /** Whether somebody sees the end of the open conversation. */
  watch(isWatched) {
    this.#isWatched = isWatched;
    if (this.#markWatched()) this.#tell.changed();
  }

  #markWatched() {
    if (!this.open || !this.#isWatched) return false;
    const changes = this.open.unread > 0;
    this.open.markRead();
    return changes;
  }

  /** Why nothing can be said there: a key of the words, or null. */
  obstacle({ kind, name, key }) {
    if (kind === "notices") return "notices_only";
    if (!this.isComplete) return null;
    if (kind === "user") return this.friends.has(name) ? null : "not_friends";
    return this.groups.has(key) ? (this.groups.get(key).blocked ? "group_blocked" : null)
      : "group_ended";
  }

  // History.

  async #loadNewest(conversation) {
    if (conversation.kind === "notices" || conversation.isLoading) return;
    const count = Math.min(200, Math.max(PAGE, conversation.unread + 10));
    const page = await this.#history(conversation, { count });
    if (page) conversation.takeNewest(page);
    this.#tell.changed();
  }

  async loadOlder(conversation) {
    if (conversation.isLoading || conversation.isStale || !conversation.hasOlder) return;
    const page = await this.#history(
      conversation, { count: PAGE, before: conversation.oldest });
    if (page) conversation.takeOlder(page);
    this.#tell.changed();
  }

  async #history(conversation, args) {
    conversation.isLoading = true;
    const { ok, message, data } = await this.ask("history", { ...conversation.address, ...args });
    conversation.isLoading = false;
    conversation.failure = ok ? "" : message;
    return ok && this.me ? data.messages.map((message) => itemOf(message, this.me.name)) : null;
  }

  /** The last words of the conversations that stand on top, if this page has not seen them. */
  #readPreviews() {
    const unknown = this.rows.filter((row) => row.time && !row.items.length && row !== this.open);
    for (const conversation of unknown.slice(0, PREVIEWS)) {
      if (conversation.kind === "notices" || this.obstacle(conversation)) continue;
      this.#history(conversation, { count: 1 }).then((page) => {
        page?.forEach((item) => conversation.insert(item));
        conversation.holeAfter = conversation.newest;
        if (conversation === this.open) this.#loadNewest(conversation);
        this.#tell.changed();
      });
    }
  }

  // What I say.

  send(conversation, text) {
    const item = {
      mid: nextMid(), time: Math.floor(Date.now() / 1000), from: this.me.name, own: true, text,
      said: true, system: false, event: "", state: "unknown",
    };
    conversation.insert(item);
    conversation.newAfter = null;
    this.#dispatch(conversation, item);
  }

  /** Once more, under the same name: it is stored once, whatever became of the first time. */
  retry(conversation, item) {
    this.#dispatch(conversation, item);
  }

  discard(conversation, item) {
    conversation.remove(item);
    this.remember();
    this.#tell.changed();
  }

  async #dispatch(conversation, item) {
    item.state = "sending";
    this.remember();
    this.#tell.changed();
    const type = conversation.kind === "user" ? "send" : "sendgroup";
    const { ok, code, message, data } = await this.ask(
      type, { ...conversation.address, message: item.text, mid: item.mid });
    if (ok) conversation.settle(item, data.seq);
    else if (code === "no_answer") item.state = "unknown";
    else Object.assign(item, { state: "failed", why: message });
    if (ok && data.online !== undefined) this.presence(conversation.name, data.online);
    this.remember();
    this.#tell.changed();
  }
}
