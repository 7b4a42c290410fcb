// What the browser keeps when the page is closed or reloaded, and where.
//
// The login key is kept in this tab's storage, which ends with the tab: people who share a p2sp
// often share computers, and two tabs may belong to two people. With "stay signed in" the key is
// in the browser's storage instead. Beside it is what the server does not know: the messages
// without an answer, the text that is being written, how far the user has read, and the notices.
// A password is never kept, nor a message of another user. Signing out removes everything.
//
// Tabs share the browser's storage. When another tab has changed the key, or continues this one's
// session, this page must not overwrite the storage any more.
//
// If the browser forbids storage, or its storage is full, the data lives as long as the page.

const KEY = "p2sp.key";
const MEMORY = "p2sp.memory";
const LANG = "p2sp.lang";

export class Keep {
  #tab = new Store("sessionStorage");
  #browser = new Store("localStorage");
  /** The storage that has the key. */
  #store = this.#tab.read(KEY) === null && this.#browser.read(KEY) !== null
    ? this.#browser : this.#tab;
  /** The key as this page knows it. */
  #key = this.#store.read(KEY);
  /** Tells what this page wrote from what another page wrote. */
  #writer = Math.random();
  /** Another page may continue this one's session: its data is newer. */
  isResting = false;

  /** The key of the last sign-in, or null. */
  get key() {
    return this.#store.read(KEY);
  }

  /** Whether the key outlives the tab. */
  get isStaying() {
    return this.#store === this.#browser && this.key !== null;
  }

  /** Keeps a new key. Without `stay` only the key changes. */
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

  /** The key is no longer valid. */
  dropKey() {
    if (this.#isKeyKnown) this.#store.remove(KEY);
  }

  /** Whether the key is still this page's: no other page changed or removed it. */
  get #isKeyKnown() {
    return this.key === this.#key;
  }

  /** What `World` keeps, of any user, or null. */
  get memory() {
    return this.#store.read(MEMORY);
  }

  set memory(memory) {
    const isOvertaken = this.isResting && this.memory?.writer !== this.#writer;
    if (!this.#isKeyKnown || isOvertaken) return;
    this.#store.write(MEMORY, { ...memory, writer: this.#writer });
  }

  /** The user signed out. */
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

/** One of the browser's storages, and the values that it refused. */
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
      // The value there is out of date.
      this.remove(key);
      this.#untaken.set(key, json);
    }
  }

  remove(key) {
    this.#untaken.delete(key);
    try {
      globalThis[this.#name].removeItem(key);
    } catch {
      // Forbidden, so there is no value.
    }
  }
}
