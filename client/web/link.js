// The connection: made, and made again when it is cut.
//
// A WebSocket carries the same JSON as the frames, one message in each text frame. The session
// knows what the texts mean. To spare a server that has just started again, the pauses between
// attempts double up to five seconds, and differ from page to page.

/** The pause before the first attempt to connect again. It doubles with each attempt. */
const PAUSE_MIN_MS = 200;
/** The longest pause. After a connection that lasted longer, the pauses begin anew. */
const PAUSE_MAX_MS = 5_000;
/** A connection on which no answer came for so long is dead. */
const ANSWER_WAIT_MS = 10_000;
/** A ping is sent when nothing came for so long. A unit test of the client compares the number. */
const PING_AFTER_MS = 240_000;
/** The same when the page or the network wakes up: the connection may be lost by then. */
const PING_AWAKE_AFTER_MS = 15_000;
/** How often these times are checked. */
const LOOK_MS = 2_000;
/** Messages are confirmed so much later, together. */
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
  /** Called before messages are confirmed: by then they must be kept. */
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

  /** Connects at once, or sends a ping if a connection stands. */
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
        // The first request since the server was heard. A confirmation has no answer.
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

  /** Confirms the messages of this connection. On another one they cannot be confirmed. */
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

  /** Ends the connection; the next one begins after `wait` milliseconds at the earliest. */
  #drop(wait) {
    const socket = this.#socket;
    // A dead connection may take minutes to report that it is closed.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    clearTimeout(this.#confirming);
    this.#confirming = this.#socket = null;
    if (Date.now() - this.#opened > PAUSE_MAX_MS) this.#pause = PAUSE_MIN_MS;
    // Not all pages at the same time.
    const pause = Math.max(wait, this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, PAUSE_MAX_MS);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.wanted();
    }, pause);
    this.#session.cut();
  }
}
