// What the page knows: the user, the friends and groups, the conversations, and the messages that
// are being sent. "I" and "my" in comments mean the user of this page.
//
// This file knows no element of the page; the views read it and are told when it has changed. What
// must survive the page is in `#remember`: it is kept before it is confirmed or sent.

import { Conversation, NOTICES, groupKey, itemOf, placeOf, userKey } from "./conversation.js";
import { nextMid } from "./requests.js";

/** Messages in a page of history; the server gives up to 200. */
const PAGE = 50;
/** The number of conversations whose last message is read when the page begins. */
const PREVIEWS = 12;
/** Notices kept in the browser: broadcasts are in no history. */
const NOTICES_KEPT = 50;
/** Changes of friends and groups come together: the lists are read this long after the last. */
const REFRESH_MS = 250;
/** When a friend comes or goes, the online members of groups are counted again this much later. */
const COUNT_MS = 1_000;
/** At least this long between two read receipts for one conversation. */
const READ_MS = 1_000;

export class World {
  me = null;
  /** Name → {name, online}. */
  friends = new Map();
  /** The users who ask to be friends. */
  requests = [];
  /** Key → {groupname, creator, online, total, blocked}. */
  groups = new Map();
  conversations = new Map();
  /** The conversation that is on the screen, or null. */
  open = null;
  /** The part of it that is on the screen instead of its end, or null. */
  part = null;
  /** The seq of the message to scroll to, or null. */
  sought = null;
  /** Friends and groups have been read. */
  isComplete = false;
  /** The epoch of the log that all of this belongs to. */
  #log = "";
  #isWatched = false;
  #isReadTold = false;
  #session;
  #keep;
  #tell;
  #refreshing = null;
  #counting = null;

  /** `tell` has `changed()`: something must be drawn again. */
  constructor(session, keep, tell) {
    this.#session = session;
    this.#keep = keep;
    this.#tell = tell;
    const memory = keep.memory;
    if (memory) session.stream.restore(memory.log, memory.shown);
  }

  // A session begins and ends. All that is known belongs to one user in one log: what is kept of
  // another epoch, user id or name is another user's. (The browser keeps it for this server alone.)

  /** `isResumed`: with the key of an earlier sign-in, not with a password. */
  begin(welcome, isResumed = false) {
    const before = this.me;
    const memory = before ? this.#memory() : this.#keep.memory;
    this.me = { name: welcome.username, id: welcome.user_id, isAdmin: welcome.is_admin };
    this.#log = this.#session.stream.log;
    const isMine = memory?.log === this.#log && memory.name === this.me.name;
    // The key is still good, so this is the same user; the server was restored from a backup.
    const isSetBack = !isMine && (before || isResumed)
      && memory?.log?.startsWith(`${this.me.id} `)
      && (memory.name ?? this.me.name) === this.me.name;
    let wasOpen = this.open;
    if (!before || !isMine) {
      this.#clear();
      wasOpen = isMine ? this.#recall(memory) : isSetBack ? this.#setAside(memory) : null;
    }
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
    this.remember();
    this.#tell.changed();
  }

  end() {
    this.me = null;
    this.#clear();
    this.#tell.changed();
  }

  #clear() {
    this.open = this.part = this.sought = null;
    this.isComplete = this.#isWatched = false;
    for (const known of [this.friends, this.groups, this.conversations]) known.clear();
    this.requests = [];
  }

  /** Must be called before the messages that came are confirmed. */
  remember() {
    if (this.me) this.#keep.memory = this.#memory();
  }

  #memory() {
    const all = [...this.conversations.values()];
    return {
      log: this.#log,
      name: this.me.name,
      shown: this.#session.stream.shown,
      open: this.open?.place,
      conversations: all
        .filter((row) => row.time || row.unread || row.draft || row === this.open)
        .map(({ place, unread, read, time, marks, draft }) => (
          { place, unread, read, time, marks, draft })),
      notices: this.conversations.get(NOTICES)?.items.slice(-NOTICES_KEPT) ?? [],
      unsent: all.flatMap(({ place, unsent }) => unsent.map((item) => ({ place, item }))),
    };
  }

  /** Reads what the page knew before it was reloaded; returns the conversation that was open. */
  #recall({ conversations, notices, unsent, open }) {
    for (const { place, unread, read, time, marks, draft } of conversations) {
      const conversation = this.conversation(...place);
      Object.assign(conversation, { unread, time, read, draft });
      conversation.mark(marks);
    }
    notices.forEach((item) => this.conversation("notices", "").insert(item));
    unsent.sort((a, b) => (a.item.mid < b.item.mid ? -1 : 1));
    for (const { place, item } of unsent) {
      const state = item.state === "sending" ? "unknown" : item.state;
      this.conversation(...place).insert({ ...item, state });
    }
    return open ? this.conversation(...open) : null;
  }

  /** Of another log only the messages that I wrote are kept. It is unknown whether the server still
   *  has them, and whether a group's id means the same group. (An older page kept neither the user's
   *  name nor places as they are now.) */
  #setAside({ conversations, unsent, open }) {
    const known = ([kind, name, creator]) => this.conversation(kind, name, creator);
    conversations.filter(({ draft }) => draft)
      .forEach(({ place, draft }) => Object.assign(known(place), { draft }));
    for (const { kind, name, creator, place = [kind, name, creator], item } of unsent) {
      known(place).insert({ ...item, state: "aside" });
    }
    return Array.isArray(open) ? known(open) : null;
  }

  // What is pushed.

  take(push, isNew) {
    const item = itemOf(push, this.me.name);
    const conversation = this.conversation(...placeOf(push, this.me.name));
    if (push.type === "sysmsg") this.#heed(push.payload, conversation);
    // It stays among the requests until it is answered.
    if (item.event === "friend_requested") return this.#tell.changed();
    if (!conversation.insert(item)) return;
    if (isNew && conversation.counts(item)) conversation.unread += 1;
    if (conversation === this.open) this.#markWatched();
    else conversation.trim();
    this.#tell.changed();
  }

  /** Makes the changes of an event at once; the lists are read later. */
  #heed({ event, username }, { key, name, creator, groupId }) {
    if (event === "friend_added") this.friends.set(username, { name: username, online: true });
    if (event === "friend_removed") this.friends.delete(username);
    if (event === "friend_requested" && !this.requests.includes(username)) {
      this.requests.push(username);
    }
    if (event === "group_added") {
      const group = { groupname: name, creator, group_id: groupId };
      this.groups.set(key, { ...group, online: 1, total: 1, blocked: false });
    }
    if (event === "group_removed" || event === "group_deleted") this.groups.delete(key);
    if (/^(friend|group)_/.test(event)) this.refreshSoon();
  }

  /** A friend came or went, or has received or read a message of mine. */
  watched({ event, username, online, delivered, read }) {
    const friend = this.friends.get(username);
    if (event === "presence" && friend) friend.online = online;
    if (event === "presence" && this.groups.size) {
      this.#counting ??= setTimeout(() => this.#countGroups(), COUNT_MS);
    }
    if (event === "receipt") this.conversations.get(userKey(username))?.mark({ delivered, read });
    this.#tell.changed();
  }

  // Friends and groups.

  refreshSoon() {
    clearTimeout(this.#refreshing);
    this.#refreshing = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  /** Reads both lists again. */
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
    this.#setGroups(groups);
    friends.forEach(({ username }) => this.conversation("user", username));
    this.isComplete = true;
    this.#forgetGone();
    this.#tell.changed();
    if (first) this.#readPreviews();
  }

  #setGroups(groups) {
    const known = ({ creator, groupname, group_id: id }) => groupKey(creator, groupname, id);
    this.groups = new Map(groups.map((group) => [known(group), group]));
    for (const { groupname, creator, group_id: id } of groups) {
      Object.assign(this.conversation("group", groupname, creator, id), { name: groupname, creator });
    }
  }

  async #countGroups() {
    this.#counting = null;
    const groups = await this.list("groups", "groups");
    if (!this.me || !groups) return;
    this.#setGroups(groups);
    this.#tell.changed();
  }

  /** Reads the members of a group; the list then shows their number. */
  async members(conversation) {
    const members = await this.list("groupusers", "members", conversation.address);
    const group = this.groups.get(conversation.key);
    if (members && group) {
      group.total = members.length;
      group.online = members.filter(({ online }) => online).length;
      this.#tell.changed();
    }
    return members;
  }

  /** Removes the empty conversations of former friends and groups. */
  #forgetGone() {
    for (const row of this.conversations.values()) {
      const isEmpty = !row.items.length && !row.unread && !row.draft && row !== this.open;
      if (isEmpty && !this.#isMine(row)) this.conversations.delete(row.key);
    }
  }

  /** All pages of a list, or null if a page was refused. */
  async list(type, field, args = {}, look = () => {}) {
    const rows = [];
    let after;
    do {
      const { ok, data } = await this.ask(type, { ...args, after });
      if (!ok) return null;
      rows.push(...data[field]);
      look(data);
      // If the same page came again, this would never end.
      after = data.next === after ? undefined : data.next;
    } while (after);
    return rows;
  }

  ask(type, args) {
    return this.#session.ask(type, args);
  }

  // Conversations.

  /** The conversation of that name or id. It is made if it is not known. */
  conversation(kind, name, creator, groupId) {
    const { conversations } = this;
    let found = new Conversation(kind, name, creator, groupId);
    const nameless = groupKey(creator, name);
    if (conversations.has(found.key)) return conversations.get(found.key);
    if (kind === "group" && groupId === undefined) {
      const group = [...this.groups.values()].find(
        (group) => group.groupname === name && group.creator === creator);
      if (group) found = new Conversation(kind, name, creator, group.group_id);
      if (conversations.has(found.key)) return conversations.get(found.key);
    } else if (kind === "group" && conversations.has(nameless)) {
      // It was known only by its name until now.
      found = Object.assign(conversations.get(nameless), { groupId });
      conversations.delete(nameless);
    }
    conversations.set(found.key, found);
    return found;
  }

  /** The conversations that have a row in the list: the last used first, then by name. */
  get rows() {
    const rows = [...this.conversations.values()].filter(
      (row) => row.time || row.unread || this.#isMine(row));
    return rows.sort((a, b) => b.time - a.time || a.name.localeCompare(b.name));
  }

  #isMine({ kind, name, key }) {
    return kind === "user" ? this.friends.has(name) : this.groups.has(key);
  }

  /** How many of my messages are not in the log yet. */
  get unsent() {
    return [...this.conversations.values()].reduce((sum, { unsent }) => sum + unsent.length, 0);
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

  /** Opens a conversation at a message, however far that is from its end. */
  async showAt(conversation, seq) {
    const { open } = this;
    const isHere = conversation.kind === "notices"
      || (!conversation.isStale && conversation.items.some((item) => item.seq === seq));
    const part = isHere ? null : await this.#partAround(conversation, seq);
    // Another conversation may have been chosen meanwhile.
    if (!this.me || this.open !== open) return;
    this.show(conversation);
    this.part = part;
    this.sought = seq;
  }

  /** Whether the end of the open conversation is visible. */
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

  /** Tells the sender of the last visible message that it was read. A message that was not pushed
   *  cannot have been read. */
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

  /** Why no message can be sent there: a key of `words.js`, or null. */
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

  /** Asks up to which of my messages the other user has received, and has read, while this page was
   *  not told. It asks about the newest first, then about the middle of the unknown ones. */
  async #readMarks(conversation) {
    if (conversation.kind !== "user") return;
    for (const mark of ["read", "delivered"]) {
      let seqs = conversation.unmarkedSeqs(mark);
      let seq = seqs.at(-1);
      while (seq) {
        const { ok, data } = await this.ask("receipts", { seq });
        if (!ok) return;
        conversation.mark({ delivered: data.delivered ? seq : 0, read: data.read ? seq : 0 });
        if (!data[mark]) conversation.unmarked[mark] = Math.min(conversation.unmarked[mark], seq);
        seqs = conversation.unmarkedSeqs(mark);
        seq = seqs[seqs.length >> 1];
      }
    }
    this.#tell.changed();
  }

  async loadOlder(conversation) {
    if (conversation.isLoading || conversation.isStale || !conversation.hasOlder) return;
    const page = await this.#history(
      conversation, { count: PAGE, before: conversation.oldest });
    if (page) conversation.takeOlder(page);
    this.#tell.changed();
    if (page) this.#readMarks(conversation);
  }

  /** A message with the messages before and after it, or null. */
  async #partAround(conversation, seq) {
    const part = conversation.part();
    const [before, after] = await Promise.all([
      this.#history(part, { count: PAGE, before: seq + 1 }),
      this.#history(part, { count: PAGE, after: seq }),
    ]);
    if (!before || !after) return null;
    part.takeOlder(before);
    part.takeNewer(after);
    this.#readMarks(part);
    return part;
  }

  /** Reads more of the part that is shown. An empty page means that it has reached the end. */
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

  /** Reads the last message of the conversations on top of the list, if this page has not seen it. */
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

  /** A page of the messages with these words, the newest first: `{hits, next, unsearched}`, where
   *  `next` is the `before` for older ones; or `{hits, why}`. */
  async search(query, before) {
    const { ok, message, data } = await this.ask("search", { query, before });
    if (!ok || !this.me) return { hits: [], why: message };
    const { messages, next, unsearched } = data;
    const hits = messages.map((push) => (
      { item: itemOf(push, this.me.name), place: placeOf(push, this.me.name) }));
    return { hits: hits.reverse(), next, unsearched };
  }

  // The messages that I send.

  send(conversation, text) {
    const item = {
      mid: nextMid(), time: this.#session.now, from: this.me.name, own: true, text,
      said: true, system: false, event: "", state: "unknown",
    };
    this.part = null;
    conversation.insert(item);
    conversation.newAfter = null;
    this.#dispatch(conversation, item);
  }

  /** Sends it again with the same `mid`: it is stored once, whether or not the first try arrived. */
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
    const { ok, code, message, data, time } = await this.ask(
      type, { ...conversation.address, message: item.text, mid: item.mid });
    if (ok) conversation.settle(item, data.seq, time);
    else if (code === "no_answer") item.state = "unknown";
    else Object.assign(item, { state: "failed", why: message });
    this.remember();
    this.#tell.changed();
  }

  /** How many members have read my message to a group; null, or why that is not known. */
  async countReaders(item) {
    const { ok, message, data } = await this.ask("receipts", { seq: item.seq });
    if (!ok) return message;
    item.readers = { read: data.read, total: data.total };
    this.#tell.changed();
    return null;
  }
}
