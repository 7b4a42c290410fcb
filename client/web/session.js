// The conversation with the server, without its socket: messages go in, messages come out.
//
//            connected()                       resume is answered
//    down ──────────────► resuming (with a key) ────────────────► open
//      ▲ └───────────────────────────────── without a key ─────────▲ │
//      └───────────────────────────── cut() ─────────────────────────┘
//
// While it is not open, requests wait; then they go out in the order in which they were asked.
// The same rules as in `client/session/mod.rs`; what a push means is the world's business.

import { Requests, wasDone } from "./requests.js";
import { Stream } from "./stream.js";
import { bytesOf } from "./text.js";
import { currentLang, say } from "./words.js";

/** The server closes the connection over a longer one. */
const REQUEST_BYTES_MAX = 65_536;
/** The server could not read a request, does not name it, and closes the connection. What stood in
 *  front of it was answered, so it is the first without an answer. */
const UNREADABLE = new Set(["bad_payload", "frame_too_long"]);
const WITHOUT_KEY = new Set(["reg", "login", "ping"]);
/** The server ends the session and says why; to begin it again is the person's to decide. */
const ENDS = new Set(["signed_in_elsewhere", "blocked", "password_reset"]);
/** What is told of others to whoever asked with `watch`: marks change, and nothing is said. */
const WATCHED = new Set(["presence", "receipt"]);

export class Session {
  #phase = "down";
  #key = null;
  #requests = new Requests();
  #transmit = null;
  /** By how many seconds the server's clock is ahead of this one. */
  #aheadS = 0;
  stream = new Stream();
  /** What the session tells: `signedIn(welcome, isResumed)`, `pushed(push, isNew)`,
   *  `caughtUp()`, `watched(payload)`, `noticed(message)`, `ended(event, message)`,
   *  `keyChanged(key)`, `changed()`. */
  #listener;

  constructor(listener) {
    this.#listener = listener;
  }

  /** `down`, `resuming` or `open`. */
  get phase() {
    return this.#phase;
  }

  get isSignedIn() {
    return this.#key !== null;
  }

  /** Whether there is a reason for a connection. */
  get wantsConnection() {
    return this.isSignedIn || this.#requests.hasWork();
  }

  /** Unix seconds by the server's clock, as far as it is known. */
  get now() {
    return Math.floor(Date.now() / 1000 + this.#aheadS);
  }

  get isAwaiting() {
    return this.#requests.isAwaiting();
  }

  /** The key of an earlier sign-in; what it is worth the server will say. */
  restoreKey(key) {
    this.#key = key;
  }

  // What the connection reports.

  /** A connection stands; `transmit` sends a text over it. */
  connected(transmit) {
    this.#transmit = transmit;
    this.#phase = this.isSignedIn ? "resuming" : "open";
    if (this.isSignedIn) this.tell("resume", { lang: currentLang(), ack: true });
    this.#send();
    this.#listener.changed();
  }

  /** A text has come. False: the connection is of no further use. Or for how many milliseconds. */
  received(text) {
    const { type, timestamp, payload } = JSON.parse(text);
    if (type === "normalmsg" || type === "login_success") return this.#answer(payload, timestamp);
    if (Number.isInteger(payload.seq)) return this.#push(type, timestamp, payload);
    // What a later version tells, and nobody here asked for, is ignored.
    return type === "sysmsg" ? this.#connectionNotice(payload) : true;
  }

  /** What came so far is shown and kept: it counts as received. */
  confirm() {
    // With a new password or after a sign-out the key would be another by the time the
    // confirmation is read.
    const keyChanges = this.#requests.has("passwd", "logout");
    if (this.#phase !== "open" || !this.isSignedIn || keyChanges) return;
    const seq = this.stream.confirm();
    if (seq !== null) this.#write("ack", { seq });
  }

  /** Asks whether the connection lives, unless that was asked already. */
  ping() {
    if (!this.#requests.has("ping")) this.tell("ping");
  }

  /** The connection is gone. */
  cut() {
    this.#phase = "down";
    this.#transmit = null;
    for (const request of this.#requests.cut()) {
      if (request.type === "logout") this.#end("logout", "");
      request.answer({ ok: false, code: "no_answer", message: "", data: {} });
    }
    this.#listener.changed();
  }

  // What the person does.

  /** A request, sent as soon as it can be. The promise is kept with `{ok, code, message, data}`,
   *  and `time` by the server's clock if the server answered, however often the connection is made
   *  anew meanwhile; it never fails. */
  ask(type, args = {}) {
    if (!this.isSignedIn) args = { lang: currentLang(), ...args };
    if (type === "login") args.ack = true;
    return new Promise((answer) => {
      this.#requests.push(type, args, answer);
      this.#send();
      this.#listener.changed();
    });
  }

  /** A request of the connection's own: gone with it, and nobody waits for the answer. */
  tell(type, args = {}) {
    this.#requests.push(type, args, () => {});
    this.#send();
  }

  /** Signs out without the server, which cannot be told. */
  leave() {
    this.#end("logout", "");
  }

  // What comes.

  #answer(payload, time) {
    const { code, message, data = {} } = payload;
    this.#aheadS = time - Date.now() / 1000;
    const request = payload.re === undefined && UNREADABLE.has(code)
      ? this.#requests.answeredFirst() : this.#requests.answered(payload.re);
    // About the connection itself, or about a confirmation: the end follows.
    if (!request) return true;
    if (request.type === "resume") return this.#resumed(payload);
    const done = code !== "ok" && wasDone(request, code);
    const ok = code === "ok" || done;
    if (ok && request.type === "login") this.#signedIn(payload, false);
    if (ok && request.type === "passwd") this.#rekey(data.auth_token);
    if (ok && request.type === "logout") this.#end("logout", message);
    request.answer({ ok, code, message, data, time });
    return true;
  }

  #resumed(payload) {
    if (payload.code === "ok") {
      this.#signedIn(payload, true);
      this.#phase = "open";
      this.#send();
      this.#listener.changed();
      return true;
    }
    if (payload.code === "bad_key" || payload.code === "user_blocked") {
      this.#end(payload.code, payload.message);
      this.#phase = "open";
      return true;
    }
    // It will pass: the key is still good.
    return (payload.data?.retry_after ?? 0) * 1000;
  }

  #signedIn(payload, isResumed) {
    this.#rekey(payload.auth_token || this.#key);
    // What was asked of another log, or for another user, is not asked of this one.
    if (this.stream.begin(payload.user_id, payload.epoch, payload.cursor)) this.#giveUp();
    this.#listener.signedIn(payload, isResumed);
  }

  #rekey(key) {
    this.#key = key;
    this.#listener.keyChanged(key);
  }

  #push(type, timestamp, payload) {
    const arrival = this.stream.arrive(payload.seq, payload.prev);
    if (arrival === "gap") return 0;
    this.#listener.pushed({ type, timestamp, payload }, arrival === "new");
    return true;
  }

  #connectionNotice(payload) {
    const { event, message } = payload;
    if (event === "caught_up") {
      this.stream.caughtUp = true;
      this.#listener.caughtUp();
    } else if (ENDS.has(event)) {
      // The end of the stream follows, so nothing more may be sent on this connection.
      this.#phase = "down";
      this.#end(event, message);
      return 0;
    } else if (WATCHED.has(event)) {
      this.#listener.watched(payload);
    } else {
      this.#listener.noticed(message);
    }
    return true;
  }

  /** The session is over: what still waits would be asked of nobody. */
  #end(event, message) {
    this.#key = null;
    this.#giveUp();
    this.#listener.ended(event, message);
  }

  #giveUp() {
    for (const request of this.#requests.takeAll()) {
      request.answer({ ok: false, code: "no_answer", message: "", data: {} });
    }
  }

  // What goes out.

  /** Sends what waits and may be sent. */
  #send() {
    const greeting = this.#phase === "resuming";
    if (!this.#transmit || this.#phase === "down") return;
    for (const request of this.#requests.unsent()) {
      if (greeting && request.type !== "resume" && request.type !== "ping") continue;
      const text = this.#textOf(request.type, { ...request.args, id: request.id });
      if (bytesOf(text) > REQUEST_BYTES_MAX) {
        this.#requests.answered(request.id);
        const message = say("request_too_long");
        request.answer({ ok: false, code: "frame_too_long", message, data: {} });
        continue;
      }
      request.sent = true;
      this.#transmit(text);
    }
  }

  #write(type, payload) {
    this.#transmit(this.#textOf(type, payload));
  }

  #textOf(type, payload) {
    if (this.isSignedIn && !WITHOUT_KEY.has(type)) payload.auth_token = this.#key;
    const message = { type, timestamp: Math.floor(Date.now() / 1000), payload };
    // Half a surrogate pair is no text: it becomes a mark, as on the screen.
    return JSON.stringify(message, (_, value) => (
      typeof value === "string" ? value.toWellFormed() : value));
  }
}
