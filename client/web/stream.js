// How far the log has been shown: what makes every message appear exactly once.
//
//   begin(cursor) ─► got = cursor ─► arrive(seq, prev) ─► prev == got? ── no ─► "gap": start again
//                                                        └─ yes ─► got = seq
//                                     seq ≤ shown? ── yes ─► "repeated" │ no ─► "new", shown = seq
//
// `got` is of one connection, `shown` of one user in one epoch, whatever the number of
// connections and of times that the page was loaded. The same rules as in `client/stream.rs`.

export class Stream {
  #log = "";
  #got = 0;
  #confirmed = 0;
  /** Everything up to this seq has been shown. */
  shown = 0;
  /** Everything that waited at the sign-in has been pushed. */
  caughtUp = false;

  /** What an earlier life of the page knew. */
  restore(log, shown) {
    this.#log = log;
    this.shown = shown;
  }

  /** Everything up to this seq has come on this connection, or had reached the user before it. */
  get got() {
    return this.#got;
  }

  /** Names the log: seqs of another user or epoch do not compare. */
  get log() {
    return this.#log;
  }

  /** A session begins: everything up to `cursor` had reached the user. True: the log is another
   *  than the one that was known. */
  begin(userId, epoch, cursor) {
    const log = `${userId} ${epoch}`;
    const isAnother = this.#log !== "" && this.#log !== log;
    if (this.#log !== log) this.restore(log, 0);
    this.#got = this.#confirmed = cursor;
    this.caughtUp = false;
    return isAnother;
  }

  /** A message of the log arrives: "new", "repeated" or "gap". */
  arrive(seq, prev) {
    if (seq <= this.#got || (prev !== undefined && prev !== this.#got)) return "gap";
    this.#got = seq;
    if (seq <= this.shown) return "repeated";
    this.shown = seq;
    return "new";
  }

  /** The seq to confirm, or null if there is none that was not confirmed. */
  confirm() {
    if (this.#got <= this.#confirmed) return null;
    return (this.#confirmed = this.#got);
  }
}
