// The state of the conversation with the server, without its socket: messages go in and come out.
//
//            connected()                       resume is answered
//    down ──────────────► resuming (with a key) ────────────────► open
//      ▲ └───────────────────────────────── without a key ─────────▲ │
//      └───────────────────────────── cut() ─────────────────────────┘
//
// While the phase is not `open`, requests wait; then they are sent in the order in which they were
// made. The same rules are in `client/session/mod.rs`. The world knows what a push means.

import { Requests, wasDone } from "./requests.js";
import { Stream } from "./stream.js";
import { bytesOf } from "./text.js";
import { currentLang, say } from "./words.js";

/** The longest request: the server closes the connection when it gets a longer one. */
const REQUEST_BYTES_MAX = 65_536;
/** The server could not read a request, does not name it, and closes the connection. The requests
 *  before it were answered, so it is the first without an answer. */
const UNREADABLE = new Set(["bad_payload", "frame_too_long"]);
const WITHOUT_KEY = new Set(["reg", "login", "ping"]);
/** The events with which the server ends the session. Only the user may begin it again. */
const ENDS = new Set(["signed_in_elsewhere", "blocked", "password_reset"]);
/** The events after `watch`: marks of other users and messages change, and no text is shown. */
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

  /** Whether a connection is needed. */
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

  /** Sets the key of an earlier sign-in. The server checks it. */
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

  /** A text has come. Returns true, or after how many milliseconds to connect again. */
  received(text) {
    const { type, timestamp, payload } = JSON.parse(text);
    if (type === "normalmsg" || type === "login_success") return this.#answer(payload, timestamp);
    if (Number.isInteger(payload.seq)) return this.#push(type, timestamp, payload);
    // Unknown types, of a later version, are ignored.
    return type === "sysmsg" ? this.#connectionNotice(payload) : true;
  }

  /** Confirms the messages so far, which are shown and kept. */
  confirm() {
    // After a new password or a sign-out the key would be wrong when the confirmation is read.
    const keyChanges = this.#requests.has("passwd", "logout");
    if (this.#phase !== "open" || !this.isSignedIn || keyChanges) return;
    const seq = this.stream.confirm();
    if (seq !== null) this.#write("ack", { seq });
  }

  /** Sends a ping, unless one is under way. */
  ping() {
    if (!this.#requests.has("ping")) this.tell("ping");
  }

  /** The connection has ended. */
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

  /** Adds a request, which is sent as soon as possible. The promise never fails. It resolves to
   *  `{ok, code, message, data}`, and `time` by the server's clock if the server answered, however
   *  often the connection is made again meanwhile. */
  ask(type, args = {}) {
    if (!this.isSignedIn) args = { lang: currentLang(), ...args };
    if (type === "login") args.ack = true;
    return new Promise((answer) => {
      this.#requests.push(type, args, answer);
      this.#send();
      this.#listener.changed();
    });
  }

  /** Adds a request of the connection itself: it ends with it, and its answer is not used. */
  tell(type, args = {}) {
    this.#requests.push(type, args, () => {});
    this.#send();
  }

  /** Signs out without the server. */
  leave() {
    this.#end("logout", "");
  }

  // What comes.

  #answer(payload, time) {
    const { code, message, data = {} } = payload;
    this.#aheadS = time - Date.now() / 1000;
    const request = payload.re === undefined && UNREADABLE.has(code)
      ? this.#requests.answeredFirst() : this.#requests.answered(payload.re);
    // An answer about the connection or a confirmation: the connection ends after it.
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
    // A passing refusal: the key is still valid.
    return (payload.data?.retry_after ?? 0) * 1000;
  }

  #signedIn(payload, isResumed) {
    this.#rekey(payload.auth_token || this.#key);
    // Requests for another log or another user are not sent to this one.
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

  /** Ends the session, and gives up all requests without an answer. */
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

  /** Sends the waiting requests that may be sent now. */
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
    // Half a surrogate pair is no text: it becomes U+FFFD, as on the screen.
    return JSON.stringify(message, (_, value) => (
      typeof value === "string" ? value.toWellFormed() : value));
  }
}
