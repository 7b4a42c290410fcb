// What stays in the browser between two lives of the page, and where.
//
// The login key is kept in this tab's storage, which ends with the tab: most who share a p2sp
// share computers as well, and two tabs may be two people. Whoever ticks "stay signed in" has it
// in the browser's storage instead. Beside it stands what the server does not know: which messages
// have no answer yet, how far was read, and the notices. Never a password, and of what others
// wrote nothing but the server's own notices. Signing out forgets it all.

const KEY = "p2sp.key";
const MEMORY = "p2sp.memory";
const LANG = "p2sp.lang";

export class Keep {
  /** The tab's storage or the browser's: where a key is. */
  #storage = read(sessionStorage, KEY) === null && read(localStorage, KEY) !== null
    ? localStorage : sessionStorage;

  /** The key of the last sign-in, or null. */
  get key() {
    return read(this.#storage, KEY);
  }

  /** Whether the key outlives the tab. */
  get isStaying() {
    return this.#storage === localStorage && this.key !== null;
  }

  /** A new key; `stay` is left out where only the key changes. */
  setKey(key, stay) {
    const storage = stay === undefined ? this.#storage : stay ? localStorage : sessionStorage;
    if (storage !== this.#storage) {
      const memory = this.memory;
      this.forget();
      this.#storage = storage;
      if (memory) this.memory = memory;
    }
    write(storage, KEY, key);
  }

  /** The key is worth nothing any more. */
  dropKey() {
    this.#storage.removeItem(KEY);
  }

  /** What the world remembers, or null. */
  get memory() {
    return read(this.#storage, MEMORY);
  }

  set memory(memory) {
    write(this.#storage, MEMORY, memory);
  }

  /** The person signed out. */
  forget() {
    for (const key of [KEY, MEMORY]) this.#storage.removeItem(key);
  }

  /** The language that was chosen, or null. */
  get lang() {
    return read(localStorage, LANG);
  }

  set lang(lang) {
    write(localStorage, LANG, lang);
  }
}

function read(storage, name) {
  try {
    return JSON.parse(storage.getItem(name));
  } catch {
    return null;
  }
}

function write(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // Full, or forbidden: then it lives as long as the page.
  }
}
