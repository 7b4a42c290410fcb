// What stays in the browser between two lives of the page, and where.
//
// The login key is kept in this tab's storage, which ends with the tab: most who share a p2sp
// share computers as well, and two tabs may be two people. Whoever ticks "stay signed in" has it
// in the browser's storage instead. Beside it stands what the server does not know: which messages
// have no answer yet, what is being written, how far was read, and the notices. Never a password,
// and of what others wrote nothing but the server's own notices. Signing out forgets it all.
//
// Tabs share the browser's storage. Where another one has changed the key since, or goes on in the
// place of this one, what stands there is no longer this page's to overwrite.
//
// A browser may forbid storage, or have no room: then what is kept lives as long as the page.

const KEY = "p2sp.key";
const MEMORY = "p2sp.memory";
const LANG = "p2sp.lang";

export class Keep {
  #tab = new Store("sessionStorage");
  #browser = new Store("localStorage");
  /** Where the key is. */
  #store = this.#tab.read(KEY) === null && this.#browser.read(KEY) !== null
    ? this.#browser : this.#tab;
  /** The key as this page knows it. */
  #key = this.#store.read(KEY);
  /** Tells what this page wrote from what another did. */
  #writer = Math.random();
  /** Another page may go on in the place of this one: its memory is the newer. */
  isResting = false;

  /** The key of the last sign-in, or null. */
  get key() {
    return this.#store.read(KEY);
  }

  /** Whether the key outlives the tab. */
  get isStaying() {
    return this.#store === this.#browser && this.key !== null;
  }

  /** A new key; `stay` is left out where only the key changes. */
  setKey(key, stay) {
    const store = stay === undefined ? this.#store : stay ? this.#browser : this.#tab;
    if (store !== this.#store) {
      const memory = this.memory;
      this.forget();
      this.#store = store;
      if (memory) store.write(MEMORY, memory);
    }
    store.write(KEY, key);
    this.#key = key;
  }

  /** The key is worth nothing any more. */
  dropKey() {
    if (this.#isKeyKnown) this.#store.remove(KEY);
  }

  /** Whether no other page has changed the key, or has forgotten it. */
  get #isKeyKnown() {
    return this.key === this.#key;
  }

  /** What the world remembers, whosever it is, or null. */
  get memory() {
    return this.#store.read(MEMORY);
  }

  set memory(memory) {
    const isOvertaken = this.isResting && this.memory?.writer !== this.#writer;
    if (!this.#isKeyKnown || isOvertaken) return;
    this.#store.write(MEMORY, { ...memory, writer: this.#writer });
  }

  /** The person signed out. */
  forget() {
    for (const key of [KEY, MEMORY]) this.#store.remove(key);
    this.#key = undefined;
  }

  /** The language that was chosen, or null. */
  get lang() {
    return this.#browser.read(LANG);
  }

  set lang(lang) {
    this.#browser.write(LANG, lang);
  }
}

/** One of the browser's storages, and in front of it what it did not take. */
class Store {
  #name;
  /** Key → JSON. */
  #untaken = new Map();

  constructor(name) {
    this.#name = name;
  }

  read(key) {
    try {
      return JSON.parse(this.#untaken.get(key) ?? globalThis[this.#name].getItem(key));
    } catch {
      return null;
    }
  }

  write(key, value) {
    const json = JSON.stringify(value);
    try {
      globalThis[this.#name].setItem(key, json);
      this.#untaken.delete(key);
    } catch {
      // What stands there is out of date.
      this.remove(key);
      this.#untaken.set(key, json);
    }
  }

  remove(key) {
    this.#untaken.delete(key);
    try {
      globalThis[this.#name].removeItem(key);
    } catch {
      // Forbidden: there is nothing.
    }
  }
}
