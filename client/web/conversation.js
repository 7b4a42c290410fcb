// One conversation: with a friend, in a group, or the server's notices.
//
//   items   ──── from the history, a block without holes ────┬── pushed since ──┬── being sent ──
//           seq 4   7   9   12  …                            │  31  34  …       │  (no seq yet)
//
// If messages were read on another device, there may be a hole between the older block and the
// pushes. Then the conversation is stale: when it opens, the newest page of its history is read.

/** Items kept of a conversation that is not open; more are in the server's history. */
const ITEMS_KEPT = 120;

/** The keys of conversations: of a user, of a group, of the notices. A group's key has its id,
 *  because another group may get its name later; its name where the server tells no id. */
export const NOTICES = "notices";
export const userKey = (name) => `user/${name}`;
export const groupKey = (creator, groupname, id) => (
  id === undefined ? `group/${creator}/${groupname}` : `group/${id}`);

/** Events that count as unread; the others only change who is in a group. */
const COUNTED = new Set([
  "friend_added", "friend_removed", "friend_rejected",
  "group_added", "group_removed", "group_deleted", "admin", "broadcast", "gap",
]);

export class Conversation {
  constructor(kind, name, creator, groupId) {
    /** `user`, `group` or `notices`. */
    this.kind = kind;
    this.name = name;
    this.creator = creator;
    /** The id of a group, if the server tells it. */
    this.groupId = groupId;
    /** In the order of the log; items without a seq come last. */
    this.items = [];
    /** There may be older items before the first one. */
    this.hasOlder = kind !== "notices";
    /** The newest page must be read; there may be a hole between it and the block up to
     *  `holeAfter`. */
    this.isStale = kind !== "notices";
    this.holeAfter = 0;
    this.isLoading = false;
    this.failure = "";
    this.unread = 0;
    /** The user has read up to this seq. */
    this.read = 0;
    /** The last seq for which a read receipt was sent in this session. */
    this.readTold = 0;
    /** The seqs up to which the other user has received and read my messages. Not of groups. */
    this.marks = { delivered: 0, read: 0 };
    /** The seqs from which on my messages were not received, or not read, when it was last asked. */
    this.unmarked = { delivered: Infinity, read: Infinity };
    /** Of a part: it has reached the end, and was joined to the conversation. */
    this.isJoined = false;
    /** The place of the line "new messages" while the conversation is open. */
    this.newAfter = null;
    /** When the last event was, in Unix seconds. */
    this.time = 0;
    /** The text that is being written. */
    this.draft = "";
  }

  get key() {
    return this.kind === "user" ? userKey(this.name)
      : this.kind === "group" ? groupKey(this.creator, this.name, this.groupId) : NOTICES;
  }

  /** The arguments of `World.conversation` that find it again. */
  get place() {
    return [this.kind, this.name, this.creator, this.groupId];
  }

  /** Its name in requests; the notices have none. */
  get address() {
    if (this.kind === "user") return { username: this.name };
    if (this.kind !== "group") return {};
    return this.groupId === undefined ? { creator: this.creator, groupname: this.name }
      : { group_id: this.groupId };
  }

  get newest() {
    return this.items.findLast((item) => item.seq)?.seq ?? 0;
  }

  /** The first item that is in the history, too. */
  get oldest() {
    return this.items.find((item) => item.seq && isInHistory(item))?.seq;
  }

  /** The last message of others up to `seq`. */
  lastHeard(seq) {
    return this.items.findLast((item) => item.said && !item.own && item.seq <= seq)?.seq ?? 0;
  }

  /** My messages that are not in the log yet. */
  get unsent() {
    return this.items.filter((item) => item.own && !item.seq);
  }

  /** The seqs of my messages of which it is unknown whether the other user has received or read
   *  them: `mark` is `delivered` or `read`. */
  unmarkedSeqs(mark) {
    const [from, to] = [this.marks[mark], this.unmarked[mark]];
    return this.items.filter(({ own, seq }) => own && seq > from && seq < to).map(({ seq }) => seq);
  }

  get last() {
    return this.items.at(-1);
  }

  /** Puts an item in its place. False: it was there already. */
  insert(item) {
    const at = this.#placeOf(item.seq);
    const there = this.items[at - 1];
    if (item.seq && there?.seq === item.seq) {
      // The time in the history is the right one.
      there.time = item.time;
      return false;
    }
    this.items.splice(at, 0, item);
    this.time = Math.max(this.time, item.time);
    return true;
  }

  /** The place after all items with a smaller or the same seq. */
  #placeOf(seq) {
    if (!seq) return this.items.length;
    let at = this.items.length;
    while (at > 0 && !(this.items[at - 1].seq <= seq)) at -= 1;
    return at;
  }

  remove(item) {
    this.items = this.items.filter((other) => other !== item);
  }

  /** A message that was being sent gets its seq, and its time by the server's clock. */
  settle(item, seq, time) {
    this.remove(item);
    Object.assign(item, { seq, time, state: "kept" });
    this.insert(item);
  }

  /** The other user has received and read my messages up to these seqs. A missing seq says
   *  nothing. */
  mark({ delivered = 0, read = 0 }) {
    const { marks } = this;
    marks.read = Math.max(marks.read, read);
    marks.delivered = Math.max(marks.delivered, marks.read, delivered);
  }

  /** There may be messages that were not pushed to this page. */
  goStale() {
    if (this.kind === "notices" || this.isStale) return;
    this.isStale = true;
    this.holeAfter = this.newest;
    this.unmarked = { delivered: Infinity, read: Infinity };
  }

  /** The newest page of the history has come. */
  takeNewest(page) {
    const first = page[0]?.seq ?? 0;
    if (first > this.holeAfter) {
      this.#dropBefore(first);
      this.hasOlder = page.length > 0;
    }
    page.forEach((item) => this.insert(item));
    this.isStale = false;
  }

  #dropBefore(seq) {
    this.items = this.items.filter(
      (item) => !item.seq || item.seq >= seq || !isInHistory(item));
  }

  /** A page before the first item has come; an empty one was the last. */
  takeOlder(page) {
    page.forEach((item) => this.insert(item));
    this.hasOlder = page.length > 0;
  }

  /** An empty part, for messages far from the end. */
  part() {
    const part = new Conversation(...this.place);
    return Object.assign(part, { marks: this.marks, unmarked: this.unmarked, isStale: false });
  }

  /** A page after the last item of a part has come. */
  takeNewer(page) {
    page.forEach((item) => this.insert(item));
  }

  /** A part was read up to the end: from its first item on there is no hole. */
  join(part) {
    this.#dropBefore(part.oldest ?? 0);
    part.items.forEach((item) => this.insert(item));
    this.hasOlder = part.hasOlder;
    this.isStale = false;
    part.isJoined = true;
  }

  /** Whether an item counts as unread. */
  counts(item) {
    return !item.own && (!item.event || COUNTED.has(item.event));
  }

  /** All items were seen. */
  markRead() {
    this.unread = 0;
    this.read = Math.max(this.read, this.newest);
  }

  /** It is not open: items that the server has need not be kept here. */
  trim() {
    const over = this.items.filter((item) => item.seq).length - ITEMS_KEPT;
    if (over <= 0) return;
    this.items = this.items.slice(over);
    this.hasOlder = this.kind !== "notices";
  }
}

/** Items that were pushed to me alone are in no history. */
function isInHistory({ event }) {
  return !/^(friend_|group_(added|removed|deleted)$)/.test(event);
}

/** An item, from a push or from a message of a history. */
export function itemOf({ type, timestamp, payload }, me) {
  const from = payload.fromusername ?? payload.username ?? "";
  const said = type !== "sysmsg" || payload.event === "admin" || payload.event === "broadcast";
  return {
    seq: payload.seq,
    time: timestamp,
    from,
    own: said && from === me,
    /** The text of a user; without one, the item is an event. */
    said,
    text: payload.message ?? "",
    /** An administrator sent it in the name of the system. */
    system: payload.system === true || type === "sysmsg",
    event: type === "sysmsg" ? payload.event : "",
    state: "kept",
  };
}

/** The conversation that a push belongs to: `[kind, name, creator, groupId]`. */
export function placeOf({ type, payload }, me) {
  const { groupname, creator, group_id: groupId, event } = payload;
  if (groupname !== undefined) return ["group", groupname, creator, groupId];
  if (type === "usersend") {
    return ["user", payload.fromusername === me ? payload.tousername : payload.fromusername];
  }
  if (event?.startsWith("friend_") && payload.username) return ["user", payload.username];
  return ["notices", ""];
}
