// One conversation: with a friend, in a group, or the server's notices.
//
//   items   ──── from the history, a block without holes ────┬── pushed since ──┬── being sent ──
//           seq 4   7   9   12  …                            │  31  34  …       │  (no seq yet)
//
// Pushes may leave a hole behind the older block, if messages were read elsewhere meanwhile. Then
// the conversation is stale, and the next look at it reads the newest page of its history.

/** Items kept of a conversation that nobody looks at; more are in the server's history. */
const ITEMS_KEPT = 120;

/** Names of conversations: a user's, a group's, the notices'. A group is known by its id, for
 *  another may bear its name when it is gone; by its name where the server tells no id. */
export const NOTICES = "notices";
export const userKey = (name) => `user/${name}`;
export const groupKey = (creator, groupname, id) => (
  id === undefined ? `group/${creator}/${groupname}` : `group/${id}`);

/** Events that want a look; the others only change who is in a group. */
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
    /** Of a group, if the server tells it. */
    this.groupId = groupId;
    /** In the log's order, those without a seq last. */
    this.items = [];
    /** There may be more before the first item. */
    this.hasOlder = kind !== "notices";
    /** The newest page has to be read; the block up to `holeAfter` may not reach it. */
    this.isStale = kind !== "notices";
    this.holeAfter = 0;
    this.isLoading = false;
    this.failure = "";
    this.unread = 0;
    /** The seq up to which it was read. */
    this.read = 0;
    /** The seq up to which who said it was told in this session that it was read. */
    this.readTold = 0;
    /** Up to which seq the other has what I said, and has read it; of one user alone. */
    this.marks = { delivered: 0, read: 0 };
    /** From which seq on that is known not to be so, or was not when it was asked. */
    this.unmarked = { delivered: Infinity, read: Infinity };
    /** Of a part: it has reached the end, and is in the whole. */
    this.isJoined = false;
    /** Where the line "new messages" stands while it is open. */
    this.newAfter = null;
    /** Unix seconds of the last thing that happened. */
    this.time = 0;
    /** What is being written. */
    this.draft = "";
  }

  get key() {
    return this.kind === "user" ? userKey(this.name)
      : this.kind === "group" ? groupKey(this.creator, this.name, this.groupId) : NOTICES;
  }

  /** What finds it again: the arguments of `World.conversation`. */
  get place() {
    return [this.kind, this.name, this.creator, this.groupId];
  }

  /** Its name in requests; the notices' is none. */
  get address() {
    if (this.kind === "user") return { username: this.name };
    if (this.kind !== "group") return {};
    return this.groupId === undefined ? { creator: this.creator, groupname: this.name }
      : { group_id: this.groupId };
  }

  get newest() {
    return this.items.findLast((item) => item.seq)?.seq ?? 0;
  }

  /** The first that a history has as well. */
  get oldest() {
    return this.items.find((item) => item.seq && isInHistory(item))?.seq;
  }

  /** The last that others said, of what is not behind `seq`. */
  lastHeard(seq) {
    return this.items.findLast((item) => item.said && !item.own && item.seq <= seq)?.seq ?? 0;
  }

  /** What I said and has no place in the log. */
  get unsent() {
    return this.items.filter((item) => item.own && !item.seq);
  }

  /** The seqs of what I said, of which it is not known whether the other has it, or has read it:
   *  `mark` is `delivered` or `read`. */
  unmarkedSeqs(mark) {
    const [from, to] = [this.marks[mark], this.unmarked[mark]];
    return this.items.filter(({ own, seq }) => own && seq > from && seq < to).map(({ seq }) => seq);
  }

  get last() {
    return this.items.at(-1);
  }

  /** Puts an item in its place. False: it was there. */
  insert(item) {
    const at = this.#placeOf(item.seq);
    const there = this.items[at - 1];
    if (item.seq && there?.seq === item.seq) {
      // The history knows best when I said it.
      there.time = item.time;
      return false;
    }
    this.items.splice(at, 0, item);
    this.time = Math.max(this.time, item.time);
    return true;
  }

  /** Behind everything with a smaller or the same seq. */
  #placeOf(seq) {
    if (!seq) return this.items.length;
    let at = this.items.length;
    while (at > 0 && !(this.items[at - 1].seq <= seq)) at -= 1;
    return at;
  }

  remove(item) {
    this.items = this.items.filter((other) => other !== item);
  }

  /** A message that was being sent has its place now, and its time by the server's clock. */
  settle(item, seq, time) {
    this.remove(item);
    Object.assign(item, { seq, time, state: "kept" });
    this.insert(item);
  }

  /** The other has what I said up to there, and has read it; a seq left out says nothing. */
  mark({ delivered = 0, read = 0 }) {
    const { marks } = this;
    marks.read = Math.max(marks.read, read);
    marks.delivered = Math.max(marks.delivered, marks.read, delivered);
  }

  /** Something may have been said that was not pushed to this page. */
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

  /** An empty block of its own, for what was said far from the end. */
  part() {
    const part = new Conversation(...this.place);
    return Object.assign(part, { marks: this.marks, unmarked: this.unmarked, isStale: false });
  }

  /** A page behind the last item of a part has come. */
  takeNewer(page) {
    page.forEach((item) => this.insert(item));
  }

  /** A part has been read up to the end: there is no hole from its first item on. */
  join(part) {
    this.#dropBefore(part.oldest ?? 0);
    part.items.forEach((item) => this.insert(item));
    this.hasOlder = part.hasOlder;
    this.isStale = false;
    part.isJoined = true;
  }

  /** Whether an item, unseen, is to be counted. */
  counts(item) {
    return !item.own && (!item.event || COUNTED.has(item.event));
  }

  /** Everything in it has been seen. */
  markRead() {
    this.unread = 0;
    this.read = Math.max(this.read, this.newest);
  }

  /** Nobody looks: what the server has need not be kept here. */
  trim() {
    const over = this.items.filter((item) => item.seq).length - ITEMS_KEPT;
    if (over <= 0) return;
    this.items = this.items.slice(over);
    this.hasOlder = this.kind !== "notices";
  }
}

/** What was told to me alone is pushed, and in no history. */
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
    /** The words of a person; else an event, told by the server. */
    said,
    text: payload.message ?? "",
    /** Said by an administrator, as the system's. */
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
