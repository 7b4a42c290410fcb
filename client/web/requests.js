// The requests without an answer, in the order in which they were asked.
//
// A cut leaves each of them in doubt. One that carries a `mid` is sent again and stored once; one
// whose repetition is harmless is sent again, and what it would undo by itself is read as done;
// the rest (an account, a password) is never repeated behind the person's back. The same rules as
// in `client/requests.rs`.

const CARRIES_MID = new Set(["send", "sendgroup", "adminsend", "adminsendgroup", "broadcast"]);
const NEVER_REPEATED = new Set(["reg", "login", "passwd", "logout"]);
/** The connection's own: gone with it. */
const UPKEEP = new Set(["ping", "resume", "watch", "read"]);
/** What a refused repetition proves to have been done before the connection was cut. */
const WAS_DONE = {
  add: ["already_friends"],
  accept: ["already_friends"],
  addgroupuser: ["already_member"],
  newgroup: ["group_exists"],
  delgroupuser: ["not_member"],
  leavegroup: ["not_member", "no_such_group"],
  del: ["not_friends"],
  delgroup: ["no_such_group"],
};

export class Requests {
  #waiting = [];
  #lastId = 0;

  /** One more behind the others. `answer` is called once. */
  push(type, args, answer) {
    const id = ++this.#lastId;
    if (CARRIES_MID.has(type)) args = { mid: nextMid(), ...args };
    this.#waiting.push({ id, type, args, answer, sent: false, repeated: false });
  }

  /** The request of that id has its answer. */
  answered(id) {
    const index = this.#waiting.findIndex((request) => request.id === id);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  /** The first that was sent on this connection has its answer, which did not name it. */
  answeredFirst() {
    const first = this.#waiting.find((request) => request.sent);
    return first && this.answered(first.id);
  }

  /** Those that have not been sent on this connection, in order. */
  unsent() {
    return this.#waiting.filter((request) => !request.sent);
  }

  /** Whether an answer is due on this connection. */
  isAwaiting() {
    return this.#waiting.some((request) => request.sent);
  }

  /** Whether one of these types waits. */
  has(...types) {
    return this.#waiting.some((request) => types.includes(request.type));
  }

  /** Whether anything of the person's waits. */
  hasWork() {
    return this.#waiting.some((request) => !UPKEEP.has(request.type));
  }

  /** The connection is gone: what may be repeated waits on, the rest is returned. */
  cut() {
    const lost = this.#waiting.filter(({ type, sent }) => sent && NEVER_REPEATED.has(type));
    this.#waiting = this.#waiting.filter(
      (request) => !lost.includes(request) && !UPKEEP.has(request.type),
    );
    for (const request of this.#waiting) {
      request.repeated ||= request.sent;
      request.sent = false;
    }
    return lost;
  }

  /** All of them, in order; none is left. */
  takeAll() {
    return this.#waiting.splice(0).filter((request) => !UPKEEP.has(request.type));
  }
}

/** Whether a refusal only says that it had been done before the connection was cut. */
export function wasDone(request, code) {
  return request.repeated && (WAS_DONE[request.type] ?? []).includes(code);
}

// Begins every `mid` of this life of the page: no other has it, and a later one has a greater one,
// so the server knows at once that a `mid` that counts up is new.
const random = crypto.getRandomValues(new Uint32Array(2));
const run = [[Date.now(), 12], [random[0], 8], [random[1], 8]]
  .map(([number, width]) => number.toString(16).padStart(width, "0")).join("");
let said = 0;

/** A name for a message that none had before. */
export function nextMid() {
  return `${run}-${String(++said).padStart(10, "0")}`;
}
