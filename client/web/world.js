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
/** Who said something is told that it was read at most as often as this. */
const READ_MS = 1_000;

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
  /** What of it is on the screen instead of its end, or null. */
  part = null;
  /** The seq of the message to be brought to the eye, or null. */
  sought = null;
  /** Friends and groups have been read. */
  isComplete = false;
  #isWatched = false;
  #isReadTold = false;
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
    this.#session.tell("watch", { presence: true, receipts: true });
    for (const conversation of this.conversations.values()) {
      conversation.goStale();
      conversation.readTold = 0;
      const doubtful = conversation.items.filter((item) => item.state === "unknown");
      doubtful.forEach((item) => this.#dispatch(conversation, item));
    }
    this.refresh();
    if (wasOpen === this.open && wasOpen) this.#loadNewest(wasOpen);
    else if (wasOpen) this.show(wasOpen);
    this.#tell.changed();
  }

  end() {
    this.me = this.open = this.part = this.sought = null;
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
      conversations: all.filter((row) => row.time || row.unread || row === this.open).map(
        ({ kind, name, creator, unread, read, time, marks }) => (
          { kind, name, creator, unread, read, time, marks }),
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
    for (const { kind, name, creator, unread, read, time, marks } of memory.conversations) {
      const conversation = this.conversation(kind, name, creator);
      Object.assign(conversation, { unread, time, read: sameLog ? read : 0 });
      if (sameLog && marks) conversation.mark(marks);
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

  /** A friend came or went, or has what I said. */
  watched({ event, username, online, delivered, read }) {
    const friend = this.friends.get(username);
    if (event === "presence" && friend) friend.online = online;
    if (event === "receipt") this.conversations.get(userKey(username))?.mark({ delivered, read });
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
    this.part = this.sought = null;
    if (before === conversation) return this.#tell.changed();
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

  /** Shows it at a message, however far from its end. */
  async showAt(conversation, seq) {
    const { open } = this;
    const isHere = conversation.kind === "notices"
      || (!conversation.isStale && conversation.items.some((item) => item.seq === seq));
    const part = isHere ? null : await this.#partAround(conversation, seq);
    // Something else may have been chosen meanwhile.
    if (!this.me || this.open !== open) return;
    this.show(conversation);
    this.part = part;
    this.sought = seq;
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
    this.#tellRead();
    return changes;
  }

  /** Whoever said the last that is seen learns it. Nobody has read what they were not pushed. */
  #tellRead() {
    const { open } = this;
    if (!open || !this.#isWatched || this.#isReadTold || this.#session.phase !== "open") return;
    const seq = open.lastHeard(this.#session.stream.got);
    if (seq <= open.readTold) return;
    open.readTold = seq;
    this.#session.tell("read", { ...open.address, seq });
    this.#isReadTold = true;
    setTimeout(() => {
      this.#isReadTold = false;
      this.#tellRead();
    }, READ_MS);
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
    if (page) this.#readMarks(conversation);
  }

  /** What became of my last words while nobody told this page. */
  async #readMarks(conversation) {
    const seq = conversation.lastSaid;
    if (conversation.kind !== "user" || seq <= conversation.marks.read) return;
    const { ok, data } = await this.ask("receipts", { seq });
    if (!ok) return;
    conversation.mark({ delivered: data.delivered ? seq : 0, read: data.read ? seq : 0 });
    this.#tell.changed();
  }

  async loadOlder(conversation) {
    if (conversation.isLoading || conversation.isStale || !conversation.hasOlder) return;
    const page = await this.#history(
      conversation, { count: PAGE, before: conversation.oldest });
    if (page) conversation.takeOlder(page);
    this.#tell.changed();
  }

  /** A message with what was said before and after it, or null. */
  async #partAround(conversation, seq) {
    const part = conversation.part();
    const [before, after] = await Promise.all([
      this.#history(part, { count: PAGE, before: seq + 1 }),
      this.#history(part, { count: PAGE, after: seq }),
    ]);
    if (!before || !after) return null;
    part.takeOlder(before);
    part.takeNewer(after);
    return part;
  }

  /** Goes on with the part that is shown; an empty page says that it has reached the end. */
  async loadNewer() {
    const { open, part } = this;
    if (!part || part.isLoading || part.failure) return;
    const page = await this.#history(part, { count: PAGE, after: part.newest });
    if (page?.length) part.takeNewer(page);
    else if (page && this.part === part) {
      open.join(part);
      this.part = null;
    }
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

  /** A page of what was said and has these words, the newest first: `{hits, next, unsearched}`,
   *  `next` being the `before` of the older ones; or `{hits, why}`. */
  async search(query, before) {
    const { ok, message, data } = await this.ask("search", { query, before });
    if (!ok || !this.me) return { hits: [], why: message };
    const { messages, next, unsearched } = data;
    const hits = messages.map((push) => (
      { item: itemOf(push, this.me.name), place: placeOf(push, this.me.name) }));
    return { hits: hits.reverse(), next, unsearched };
  }

  // What I say.

  send(conversation, text) {
    const item = {
      mid: nextMid(), time: Math.floor(Date.now() / 1000), from: this.me.name, own: true, text,
      said: true, system: false, event: "", state: "unknown",
    };
    this.part = null;
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
    this.remember();
    this.#tell.changed();
  }

  /** How many have read what I said to a group; null, or why that is not known. */
  async countReaders(item) {
    const { ok, message, data } = await this.ask("receipts", { seq: item.seq });
    if (!ok) return message;
    item.readers = { read: data.read, total: data.total };
    this.#tell.changed();
    return null;
  }
}
