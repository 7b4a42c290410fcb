// The connection: made, and made again when it is cut.
//
// A WebSocket carries the same JSON as the frames, one message a text frame. What the texts mean
// is the session's business. The page is polite to a server that has just started again: the
// pauses between attempts double up to five seconds, and differ from page to page.

/** The pause before the first attempt to connect again; it doubles … */
const PAUSE_MIN_MS = 200;
/** … up to this, and begins anew after a connection that stood for as long. */
const PAUSE_MAX_MS = 5_000;
/** Longer than this no server takes to answer: the connection is a dead one. */
const ANSWER_WAIT_MS = 10_000;
/** A silent connection is asked whether it lives: well within the server's ten minutes. */
const PING_AFTER_MS = 240_000;
/** The same when the page or the network wakes up, for much may have happened meanwhile. */
const PING_AWAKE_AFTER_MS = 15_000;
/** How often the clocks above are looked at. */
const LOOK_MS = 2_000;
/** What has come is confirmed so much later, together. */
const CONFIRM_MS = 400;

export class Link {
  #url;
  #session;
  #socket = null;
  #opened = 0;
  #heard = 0;
  #asked = 0;
  #pause = PAUSE_MIN_MS;
  #retry = null;
  #confirming = null;
  /** Called before what has come is confirmed: now it must be kept. */
  beforeConfirm = () => {};

  constructor(url, session) {
    this.#url = url;
    this.#session = session;
  }

  /** Keeps a connection for as long as the session wants one. */
  start() {
    setInterval(() => this.#look(), LOOK_MS);
    addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#confirm();
      else this.wake();
    });
    addEventListener("pagehide", () => this.#confirm());
    this.wanted();
  }

  /** The session may want a connection now. */
  wanted() {
    if (!this.#socket && !this.#retry && this.#session.wantsConnection) this.#connect();
  }

  /** No more waiting: tries at once, or asks whether the connection that stands still lives. */
  wake() {
    if (this.#socket) {
      const silent = Date.now() - this.#heard;
      if (this.#isOpen() && silent > PING_AWAKE_AFTER_MS) this.#session.ping();
      return;
    }
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#pause = PAUSE_MIN_MS;
    this.wanted();
  }

  #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#opened = this.#heard = this.#asked = Date.now();
    socket.onopen = () => {
      this.#heard = Date.now();
      this.#session.connected((text) => {
        // The first question since the server was heard; a confirmation is none.
        if (this.#session.isAwaiting && this.#asked <= this.#heard) this.#asked = Date.now();
        socket.send(text);
      });
    };
    socket.onmessage = ({ data }) => {
      this.#heard = Date.now();
      const goOn = this.#session.received(data);
      if (goOn !== true) this.#drop(goOn);
      else this.#confirming ??= setTimeout(() => this.#confirm(), CONFIRM_MS);
    };
    socket.onclose = () => this.#drop(0);
  }

  /** What came over a connection is confirmed on that one, or not at all. */
  #confirm() {
    clearTimeout(this.#confirming);
    this.#confirming = null;
    if (!this.#isOpen()) return;
    this.beforeConfirm();
    this.#session.confirm();
  }

  #look() {
    if (!this.#socket) return this.wanted();
    const now = Date.now();
    const silent = now - this.#heard;
    const due = !this.#isOpen() || this.#session.isAwaiting;
    if (due && now - Math.max(this.#heard, this.#asked) > ANSWER_WAIT_MS) this.#drop(0);
    else if (this.#session.isSignedIn && silent > PING_AFTER_MS) this.#session.ping();
  }

  /** The connection is of no further use, or is gone; `rest` is how long the server wants. */
  #drop(rest) {
    const socket = this.#socket;
    // A dead connection may take minutes to say that it is closed.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    clearTimeout(this.#confirming);
    this.#confirming = this.#socket = null;
    if (Date.now() - this.#opened > PAUSE_MAX_MS) this.#pause = PAUSE_MIN_MS;
    // Not all pages at once.
    const pause = Math.max(rest, this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, PAUSE_MAX_MS);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.wanted();
    }, pause);
    this.#session.cut();
  }
}
