// The requests without an answer, in the order in which they were asked.
//
// When the connection is cut, it is not known which of them were done. A request with a `mid` is
// sent again and stored once. A request that may be repeated is sent again, and some refusals of
// the repetition mean that it was done the first time. A request about an account or a password is
// never repeated. The same rules are in `client/requests.rs`.

const CARRIES_MID = new Set(["send", "sendgroup", "adminsend", "adminsendgroup", "broadcast"]);
const NEVER_REPEATED = new Set(["reg", "login", "passwd", "logout"]);
/** Requests of the connection itself: they end with it. */
const UPKEEP = new Set(["ping", "resume", "watch", "read"]);
/** By request, the refusals of a repetition which mean that the first one was done. */
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

  /** Adds a request after the others. `answer` is called once. */
  push(type, args, answer) {
    const id = ++this.#lastId;
    if (CARRIES_MID.has(type)) args = { mid: nextMid(), ...args };
    this.#waiting.push({ id, type, args, answer, sent: false, repeated: false });
  }

  /** Takes out the request of an id, which has its answer. */
  answered(id) {
    const index = this.#waiting.findIndex((request) => request.id === id);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  /** Takes out the first request sent on this connection: the answer did not name it. */
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

  /** Whether a request of the user waits. */
  hasWork() {
    return this.#waiting.some((request) => !UPKEEP.has(request.type));
  }

  /** After the connection ended: keeps the requests that may be repeated, returns the others. */
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

/** Whether a refusal means that the request was done before the connection was cut. */
export function wasDone(request, code) {
  return request.repeated && (WAS_DONE[request.type] ?? []).includes(code);
}

// The beginning of every `mid` until the page is loaded again. It is unique, and a later one is
// greater, so the server knows at once that a `mid` that counts up is new.
const random = crypto.getRandomValues(new Uint32Array(2));
const run = [[Date.now(), 12], [random[0], 8], [random[1], 8]]
  .map(([number, width]) => number.toString(16).padStart(width, "0")).join("");
let said = 0;

/** A new, unique `mid`. */
export function nextMid() {
  return `${run}-${String(++said).padStart(10, "0")}`;
}
