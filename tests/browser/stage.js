// What the tests with a browser stand on: the real server on a directory of its own, a wire that
// can be cut between it and the page, and people who each have a browser of their own.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before } from "node:test";

import { chromium } from "playwright-core";

export const PASSWORD = "correct horse 电池";
const MAGIC = Buffer.from("abcdef88", "hex");
const BROWSERS = [process.env.P2SP_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome"];
/** A page that a machine without a screen shows, and that asks nothing of the world. */
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** Far more than anything here takes on a slow machine that does other things as well. */
const TIMEOUT_MS = 60_000;
/** While there is no server, the browser itself says so. */
const OF_THE_BROWSER = /^WebSocket connection to 'ws:.*' failed/;

export function launch() {
  return chromium.launch({ executablePath: executable(), args: FLAGS, timeout: TIMEOUT_MS });
}

/** A browser as people have it, with its profile in that folder and none of the switches that make
 *  tests calm: it connects ahead, and keeps connections on which nothing was said. */
export function launchAsPeopleDo(profile) {
  const needed = ["--remote-debugging-pipe", `--user-data-dir=${profile}`, "--headless",
    "--no-sandbox", "--no-first-run", "about:blank"];
  return chromium.launchPersistentContext(profile, {
    executablePath: executable(), ignoreDefaultArgs: true, args: needed, timeout: TIMEOUT_MS,
  });
}

function executable() {
  return BROWSERS.find((file) => file && fs.existsSync(file));
}

/** What the tests of one file stand on: a server, a browser, and whoever they call to the page.
 *  Each test has people of its own, so none depends on another; what is asked of all of them is at
 *  the end of each: that the browser had nothing to complain about. */
export class Stage {
  #people = [];

  constructor(flags = []) {
    before(async () => {
      const limits = ["--limit", "messages_per_second=0", "--limit", "requests_per_second=0"];
      [this.browser, this.server] = await Promise.all([
        launch(), Server.start(...limits, ...flags)]);
    });
    after(async () => {
      await this.browser.close();
      await this.server.stop();
    });
    afterEach(async () => {
      await this.leave();
      assert.deepEqual(Person.complaints.splice(0), []);
    });
  }

  /** All go. */
  async leave() {
    await Promise.all(this.#people.splice(0).map((person) => person.leave()));
  }

  async person(options, server = this.server) {
    const someone = await Person.at(this.browser, server, options);
    this.#people.push(someone);
    return someone;
  }

  /** Two who are friends and have each other's conversation open. */
  async two(left, right, options = {}) {
    const [ann, bob] = [await this.person(), await this.person(options)];
    await Promise.all([ann.register(left), bob.register(right)]);
    await ann.befriend(right);
    await Promise.all([ann.open(`user/${right}`), bob.open(`user/${left}`)]);
    return [ann, bob];
  }
}

/** A `p2sp-server` on a port that was free at its first start. */
export class Server {
  static async start(...flags) {
    const server = new Server();
    server.data = fs.mkdtempSync(path.join(os.tmpdir(), "p2sp-browser-"));
    server.port = 0;
    server.flags = flags;
    const said = await server.begin();
    server.port = Number(/Listening: 127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    server.adminPassword = /password (\S+)/.exec(said)?.[1];
    assert.ok(server.port && server.adminPassword, said);
    return server;
  }

  /** Returns what it says at its start. */
  async begin() {
    const listen = ["--listen", `127.0.0.1:${this.port}`];
    this.process = spawn(process.env.P2SP_SERVER, [
      "--data", this.data, "--lang", "en", ...listen, ...this.flags,
    ], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for await (const chunk of this.process.stdout) {
      said += chunk;
      if (said.includes("Ctrl-C")) break;
    }
    return said;
  }

  async end() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  async stop() {
    await this.end();
    fs.rmSync(this.data, { recursive: true });
  }

  /** Another server at the same address, which knows nobody. */
  async replace() {
    await this.stop();
    fs.mkdirSync(this.data, { mode: 0o700 });
    await this.begin();
  }

  /** One of the operator's commands. */
  command(...args) {
    const { status, stderr } = spawnSync(process.env.P2SP_SERVER, ["--data", this.data, ...args]);
    assert.equal(status, 0, String(stderr));
  }

  /** Registers somebody, and signs in as them, over a bare connection. */
  async peer(username) {
    const socket = net.connect(this.port, "127.0.0.1");
    const peer = new Peer(socket);
    await peer.ask("reg", { username, password: PASSWORD });
    const welcome = await peer.ask("login", { username, password: PASSWORD });
    peer.key = welcome.auth_token;
    return peer;
  }
}

/** The other end of a bare connection: it asks, and looks at answers only. */
class Peer {
  #socket;
  #bytes = Buffer.alloc(0);
  #waiting = new Map();
  #lastId = 0;

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
  }

  ask(type, args) {
    const id = ++this.#lastId;
    const body = Buffer.from(JSON.stringify({
      type, timestamp: 0, payload: { ...args, id, auth_token: this.key },
    }));
    const header = Buffer.alloc(12);
    MAGIC.copy(header);
    header.writeUInt32LE(body.length, 8);
    this.#socket.write(Buffer.concat([header, body]));
    return new Promise((answer) => this.#waiting.set(id, answer));
  }

  end() {
    this.#socket.destroy();
  }

  #read(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 12) {
      const end = 12 + this.#bytes.readUInt32LE(8);
      if (this.#bytes.length < end) return;
      const { payload } = JSON.parse(this.#bytes.subarray(12, end));
      this.#bytes = this.#bytes.subarray(end);
      this.#waiting.get(payload.re)?.(payload);
    }
  }
}

/** The way from a browser to the server. */
export class Wire {
  #pairs = new Set();
  #isCut = false;
  /** The server is heard no more, though it hears. */
  isDeaf = false;
  /** So long a connection stands before anything is said on it: browsers connect ahead. */
  silentMs = 0;
  /** Connections on which nothing was said yet. */
  silent = 0;

  static async to(server) {
    const wire = new Wire();
    wire.listener = net.createServer((near) => wire.#join(near, server.port));
    wire.listener.listen(0, "127.0.0.1");
    await once(wire.listener, "listening");
    wire.url = `http://127.0.0.1:${wire.listener.address().port}/`;
    return wire;
  }

  #join(near, port) {
    if (this.#isCut) return near.destroy();
    const far = net.connect(port, "127.0.0.1");
    const pair = [near, far];
    this.#pairs.add(pair);
    this.silent += 1;
    const hear = () => {
      near.once("data", () => this.silent -= 1);
      near.on("data", (chunk) => far.write(chunk));
    };
    setTimeout(hear, this.silentMs);
    far.on("data", (chunk) => this.isDeaf || near.write(chunk));
    for (const end of pair) {
      end.on("error", () => {});
      end.on("close", () => {
        pair.forEach((other) => other.destroySoon());
        this.#pairs.delete(pair);
      });
    }
  }

  cut() {
    this.#isCut = true;
    for (const pair of this.#pairs) pair.forEach((end) => end.destroy());
  }

  mend() {
    this.#isCut = this.isDeaf = false;
  }

  close() {
    this.cut();
    this.listener.close();
  }
}

/** Somebody in front of the page, in a browser of their own. */
export class Person {
  /** What no page may ever cause. */
  static complaints = [];

  static async at(browser, server, options = {}) {
    return Person.in(await browser.newContext({ locale: "en-GB", ...options }), server);
  }

  static async in(context, server) {
    const person = new Person();
    person.wire = await Wire.to(server);
    person.context = context;
    await person.openPage();
    return person;
  }

  async openPage() {
    const page = await this.context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    page.on("pageerror", (error) => Person.complaints.push(error.stack));
    page.on("console", (message) => {
      const isOurs = ["error", "warning"].includes(message.type());
      if (isOurs && !OF_THE_BROWSER.test(message.text())) Person.complaints.push(message.text());
    });
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    }));
    await page.goto(this.wire.url);
    this.page = page;
  }

  async leave() {
    await this.context.close();
    this.wire.close();
  }

  at(selector, hasText) {
    return this.page.locator(selector, hasText === undefined ? {} : { hasText });
  }

  async register(name) {
    await this.at("[data-switch]").click();
    await this.at("#entrance [name=again]").fill(PASSWORD);
    await this.signIn(name, PASSWORD);
  }

  async signIn(name, password = PASSWORD) {
    await this.at("#entrance [name=username]").fill(name);
    await this.at("#entrance [name=password]").fill(password);
    await this.at("#entrance [type=submit]").click();
    await this.at(".me", name).waitFor();
  }

  async signOut(label = "Sign out") {
    await this.at(".me").click();
    await this.at("#panel button", label).click();
    await this.at("#entrance [name=username]").waitFor();
  }

  async befriend(name) {
    await this.at("[data-new]").click();
    await this.at("dialog [name=username]").fill(name);
    await this.at("dialog [name=username]").press("Enter");
    await this.row(`user/${name}`).waitFor();
    await this.at("dialog[open]").waitFor({ state: "hidden" });
  }

  row(key) {
    return this.at(`[data-key="${key}"]`);
  }

  /** Opens a conversation, and waits until it and no other is on the screen. */
  async open(key) {
    await this.row(key).click();
    await this.at(`[data-key="${key}"][aria-current=true]`).waitFor({ state: "attached" });
    await this.at(".talk .whom").waitFor();
  }

  /** The same with a group, whatever the server knows it by. */
  async openGroup(name) {
    const row = this.at(".list .row:has(.avatar.group)", name);
    await row.waitFor();
    await this.open(await row.getAttribute("data-key"));
  }

  /** Says yes to a question, once it takes an answer. */
  async sure() {
    await this.at("#question .danger").waitFor();
    await this.page.waitForTimeout(800);
    await this.at("#question .danger").click();
    await this.at("#question").waitFor({ state: "hidden" });
  }

  async say(text) {
    await this.at(".composer textarea").fill(text);
    await this.at(".composer [type=submit]").click();
  }

  /** Waits until that is on the screen. */
  async sees(text) {
    await this.at("article .text", text).last().waitFor();
  }

  /** The texts of the open conversation, once all of one's own are on the server's disk. */
  async talk() {
    await this.at(".state.sending").first().waitFor({ state: "detached" });
    return this.at("article .text").allTextContents();
  }
}
