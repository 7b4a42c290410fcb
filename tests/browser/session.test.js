// The conversation with the server without a browser: the rules of `client/session/mod.rs`, kept here
// as they are there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation, itemOf } from "../../client/web/conversation.js";
import { Session } from "../../client/web/session.js";
import { World } from "../../client/web/world.js";

const WELCOME = {
  code: "ok", auth_token: "k", user_id: 7, username: "bob", is_admin: false, epoch: "e", cursor: 10,
};

/** A session, what it sent, and what it told. */
class Bench {
  told = [];
  sent = [];

  constructor() {
    const tell = (name) => (...args) => this.told.push([name, ...args]);
    const names = [
      "signedIn", "pushed", "caughtUp", "ended", "watched", "noticed", "keyChanged", "changed"];
    this.session = new Session(Object.fromEntries(names.map((name) => [name, tell(name)])));
  }

  connect() {
    this.session.connected((text) => this.sent.push(JSON.parse(text)));
    return this;
  }

  signIn() {
    this.connect();
    this.session.ask("login", { username: "bob", password: "secret" });
    this.answer("login", WELCOME);
    return this;
  }

  /** Cuts the connection, makes another, and resumes. */
  again(welcome = {}) {
    this.session.cut();
    this.sent = [];
    this.connect();
    this.answer("resume", { ...WELCOME, auth_token: "", ...welcome });
  }

  answer(type, payload) {
    const request = this.sent.findLast((sent) => sent.type === type);
    assert.ok(request, `${type} was sent`);
    return this.receive("normalmsg", { re: request.payload.id, ...payload });
  }

  receive(type, payload) {
    return this.session.received(JSON.stringify({ type, timestamp: 1, payload }));
  }

  push(seq, prev) {
    return this.receive("usersend", { fromusername: "al", message: String(seq), seq, prev });
  }

  get shown() {
    return this.told.filter(([name, , isNew]) => name === "pushed" && isNew)
      .map(([, { payload }]) => payload.seq);
  }

  get types() {
    return this.sent.map(({ type }) => type);
  }
}

test("p15 each message is new once across connections, and confirmed on each", () => {
  const bench = new Bench().signIn();
  assert.equal(bench.push(12, 10), true);
  assert.equal(bench.push(15, 12), true);
  bench.session.confirm();
  bench.session.confirm();
  assert.deepEqual(bench.sent.filter(({ type }) => type === "ack").map(({ payload }) => payload),
    [{ seq: 15, auth_token: "k" }]);
  bench.again({ cursor: 12 });
  assert.equal(bench.push(15, 12), true);
  assert.equal(bench.push(16, 15), true);
  bench.session.confirm();
  assert.equal(bench.sent.at(-1).payload.seq, 16);
  assert.deepEqual(bench.shown, [12, 15, 16]);
});

test("a gap gives the connection up, and moves nothing", () => {
  const bench = new Bench().signIn();
  assert.equal(bench.push(13, 12), 0);
  assert.deepEqual(bench.shown, []);
});

test("what a later version tells is no failure, and is counted where it is in the log", () => {
  const bench = new Bench().signIn();
  assert.equal(bench.receive("later", { what: 1 }), true);
  assert.equal(bench.receive("later", { what: 2, seq: 12, prev: 10 }), true);
  assert.equal(bench.push(13, 12), true);
  assert.equal(bench.told.some(([name]) => name === "noticed"), false);
  const push = { type: "later", timestamp: 1, payload: { what: 2, seq: 12 } };
  assert.equal(itemOf(push, "bob").text, "");
});

test("what is told of others is no notice, and what a connection was told is not told again", () => {
  const bench = new Bench().signIn();
  bench.receive("sysmsg", { event: "presence", username: "al", online: false, message: "gone" });
  bench.receive("sysmsg", { event: "receipt", username: "al", read: 9, message: "read" });
  const told = bench.told.filter(([name]) => name === "watched" || name === "noticed");
  assert.deepEqual(told.map(([name, { event }]) => [name, event]),
    [["watched", "presence"], ["watched", "receipt"]]);
  bench.session.tell("read", { username: "al", seq: 9 });
  bench.again();
  assert.deepEqual(bench.types, ["resume"]);
});

test("only what is seen is told as read, at most once a second and on each connection", () => {
  const { setTimeout } = globalThis;
  const later = [];
  globalThis.setTimeout = (act) => later.push(act);
  try {
    const bench = new Bench().signIn();
    const world = new World(bench.session, { memory: null }, { changed() {} });
    const arrive = (seq, prev) => {
      bench.push(seq, prev);
      world.take(bench.told.at(-1)[1], true);
    };
    const told = () => bench.sent.filter(({ type }) => type === "read")
      .map(({ payload: { username, seq } }) => `${username} ${seq}`);
    world.begin(WELCOME);
    arrive(12, 10);
    world.show(world.conversation("user", "al"));
    assert.deepEqual(told(), [], "nobody looks");
    world.watch(true);
    arrive(13, 12);
    arrive(14, 13);
    assert.deepEqual(told(), ["al 12"]);
    later.splice(0).forEach((act) => act());
    assert.deepEqual(told(), ["al 12", "al 14"]);
    world.watch(false);
    arrive(15, 14);
    later.splice(0).forEach((act) => act());
    assert.deepEqual(told(), ["al 12", "al 14"]);
    bench.again({ cursor: 13 });
    world.begin(WELCOME);
    world.watch(true);
    assert.deepEqual(told(), ["al 13"], "what this connection has not brought is not read");
    assert.deepEqual(bench.sent.find(({ type }) => type === "watch").payload.receipts, true);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

test("what was open is open again, also where nothing was said yet", () => {
  const bench = new Bench().signIn();
  const keep = { memory: null };
  const [before, after] = [0, 1].map(() => new World(bench.session, keep, { changed() {} }));
  before.begin(WELCOME);
  before.show(before.conversation("user", "al"));
  after.begin(WELCOME);
  assert.equal(after.open?.key, "user/al");
});

test("marks only grow, and what was read has arrived", () => {
  const talk = new Conversation("user", "al");
  talk.mark({ delivered: 4 });
  talk.mark({ read: 7 });
  talk.mark({ delivered: 5 });
  assert.deepEqual(talk.marks, { delivered: 7, read: 7 });
});

test("another epoch begins anew", () => {
  const bench = new Bench().signIn();
  bench.push(12, 10);
  bench.again({ epoch: "f", cursor: 0 });
  bench.push(3, 0);
  assert.deepEqual(bench.shown, [12, 3]);
});

test("p5 p7 what has no answer is said again behind resume, in order, by its mid", async () => {
  const bench = new Bench().signIn();
  const first = bench.session.ask("send", { username: "al", message: "1" });
  const mids = [bench.sent.at(-1).payload.mid];
  bench.session.cut();
  bench.session.ask("send", { username: "al", message: "2" });
  bench.sent = [];
  bench.connect();
  assert.deepEqual(bench.types, ["resume"], "nothing goes before the session is back");
  bench.answer("resume", WELCOME);
  const said = bench.sent.slice(1).map(({ payload }) => payload);
  assert.deepEqual(said.map(({ message }) => message), ["1", "2"]);
  assert.equal(said[0].mid, mids[0]);
  assert.ok(said[1].mid > said[0].mid && said[0].mid.length <= 64);
  bench.receive("normalmsg", { re: said[0].id, code: "ok", message: "Sent.", data: { seq: 11 } });
  const data = { seq: 11 };
  assert.deepEqual(await first, { ok: true, code: "ok", message: "Sent.", data, time: 1 });
});

test("a password is sent once, and never again behind one's back", async () => {
  const bench = new Bench().connect();
  const login = bench.session.ask("login", { username: "bob", password: "secret" });
  assert.equal(bench.sent[0].payload.ack, true);
  assert.equal("auth_token" in bench.sent[0].payload, false);
  bench.session.cut();
  bench.sent = [];
  bench.connect();
  assert.deepEqual(bench.sent, []);
  assert.equal((await login).code, "no_answer");
});

test("a refused repetition of what had been done is done", async () => {
  const bench = new Bench().signIn();
  const [add, del] = [
    bench.session.ask("add", { username: "al" }), bench.session.ask("delgroup", {})];
  bench.again();
  bench.answer("add", { code: "already_friends", message: "" });
  bench.answer("delgroup", { code: "not_owner", message: "" });
  assert.deepEqual([(await add).ok, (await del).ok], [true, false]);
});

test("p17 who signed in elsewhere, or was blocked, does not come back by themselves", () => {
  for (const event of ["signed_in_elsewhere", "blocked", "password_reset"]) {
    const bench = new Bench().signIn();
    assert.equal(bench.receive("sysmsg", { event, message: "why" }), 0);
    bench.session.cut();
    assert.equal(bench.session.wantsConnection, false, event);
    assert.deepEqual(bench.told.find(([name]) => name === "ended"), ["ended", event, "why"]);
  }
  const bench = new Bench().signIn();
  bench.receive("sysmsg", { event: "shutdown", message: "stops" });
  bench.session.cut();
  assert.equal(bench.session.wantsConnection, true);
});

test("a key that is worth nothing asks for the password; a busy server is left alone", () => {
  const bench = new Bench().signIn();
  bench.session.cut();
  bench.connect();
  assert.equal(bench.answer("resume", { code: "slow_down", data: { retry_after: 3 } }), 3_000);
  bench.session.cut();
  assert.equal(bench.session.isSignedIn, true);
  bench.connect();
  bench.answer("resume", { code: "bad_key", message: "expired" });
  assert.equal(bench.session.isSignedIn, false);
});

test("a new password's key is used from then on, and nothing is confirmed under the old one", () => {
  const bench = new Bench().signIn();
  bench.session.ask("passwd", { password: "a", newpassword: "b" });
  bench.push(12, 10);
  bench.session.confirm();
  assert.equal(bench.types.includes("ack"), false);
  bench.answer("passwd", { code: "ok", data: { auth_token: "k2" } });
  bench.session.confirm();
  assert.deepEqual(bench.sent.at(-1).payload, { seq: 12, auth_token: "k2" });
});

test("what was read elsewhere leaves no hole in a conversation", () => {
  const said = (seq) => itemOf({
    type: "usersend", timestamp: seq, payload: { fromusername: "al", message: "", seq },
  }, "bob");
  const seqs = (conversation) => conversation.items.map(({ seq }) => seq);
  const talk = new Conversation("user", "al");
  talk.takeNewest([1, 2, 3].map(said));
  talk.goStale();
  talk.insert(said(9));
  assert.equal(talk.insert(said(9)), false);
  talk.takeNewest([2, 3, 5, 9].map(said));
  assert.deepEqual(seqs(talk), [1, 2, 3, 5, 9], "the page reaches what was there");
  talk.goStale();
  talk.takeNewest([20, 21].map(said));
  assert.deepEqual([seqs(talk), talk.hasOlder], [[20, 21], true], "it does not: no hole");
  talk.takeOlder([9].map(said));
  assert.deepEqual(seqs(talk), [9, 20, 21]);
});

test("p15 a server that was restored is a new one: nothing of the old log is mistaken for it", () => {
  const bench = new Bench().signIn();
  const keep = { memory: null };
  const world = new World(bench.session, keep, { changed() {} });
  const push = (seq, prev, message) => {
    bench.receive("usersend", { fromusername: "al", message, seq, prev });
    world.take(bench.told.at(-1)[1], bench.told.at(-1)[2]);
  };
  world.begin(WELCOME);
  push(12, 10, "old");
  const talk = () => world.conversation("user", "al");
  world.show(talk());
  world.send(talk(), "mine");
  talk().draft = "half a word";
  const sent = () => bench.sent.filter(({ type }) => type === "send").length;
  assert.equal(sent(), 1);
  bench.again({ epoch: "f", cursor: 3 });
  world.begin({ ...WELCOME, epoch: "f", cursor: 3 });
  assert.equal(sent(), 0, "what was said to the old one is not said to this one unasked");
  push(12, 3, "new");
  assert.deepEqual(talk().items.map(({ text, state }) => [text, state]),
    [["new", "kept"], ["mine", "aside"]]);
  assert.equal(world.open, talk());
  assert.deepEqual([talk().draft, talk().unread], ["half a word", 1]);
  world.retry(talk(), talk().items[1]);
  assert.equal(sent(), 1);
  world.remember();
  assert.equal(keep.memory.log, "7 f");
});

test("what another left in the browser is nobody's: not their words, nor their list", () => {
  const keep = { memory: null };
  const leave = new Bench().signIn();
  const before = new World(leave.session, keep, { changed() {} });
  before.begin(WELCOME);
  before.send(before.conversation("user", "al"), "mine");
  before.conversation("user", "al").draft = "half a word";
  before.remember();
  const left = structuredClone(keep.memory);
  const come = (welcome) => {
    keep.memory = structuredClone(left);
    const bench = new Bench().connect();
    const world = new World(bench.session, keep, { changed() {} });
    bench.session.ask("login", { username: "bob", password: "secret" });
    bench.answer("login", { ...WELCOME, ...welcome });
    world.begin({ ...WELCOME, ...welcome });
    return [bench.types.includes("send"), world.conversations.size, keep.memory.unsent.length];
  };
  assert.deepEqual(come({}), [true, 1, 1], "who comes back finds it");
  assert.deepEqual(come({ epoch: "f" }), [false, 0, 0], "another server at the same address");
  assert.deepEqual(come({ user_id: 8 }), [false, 0, 0], "another user");
  assert.deepEqual(come({ username: "eve" }), [false, 0, 0], "another name");
});

test("p15 a page that was loaded anew after a restore loses nothing that I wrote", () => {
  const keep = { memory: null };
  const before = new World(new Bench().signIn().session, keep, { changed() {} });
  before.begin(WELCOME);
  before.send(before.conversation("user", "al"), "mine");
  before.conversation("user", "al").draft = "half a word";
  before.remember();
  const left = structuredClone(keep.memory);
  const come = (welcome, memory = left) => {
    keep.memory = structuredClone(memory);
    const bench = new Bench();
    const world = new World(bench.session, keep, { changed() {} });
    bench.session.restoreKey("k");
    bench.connect();
    bench.answer("resume", { ...WELCOME, auth_token: "", ...welcome });
    world.begin(...bench.told.find(([name]) => name === "signedIn").slice(1));
    const talk = world.conversations.get("user/al");
    return [bench.types.includes("send"), talk?.draft, talk?.items.map(({ state }) => state)];
  };
  const aside = [false, "half a word", ["aside"]];
  assert.deepEqual(come({ epoch: "f" }), aside);
  const [{ item }] = left.unsent;
  const older = {
    userId: 7, log: "7 e", shown: 10, open: "user/al", notices: [],
    conversations: [{ kind: "user", name: "al", unread: 0, read: 0, time: 1, marks: {} }],
    unsent: [{ kind: "user", name: "al", item }],
  };
  assert.deepEqual(come({}, older), [false, "", ["aside"]], "an older page kept no name");
  assert.deepEqual(come({ epoch: "f", user_id: 8 }), [false, undefined, undefined]);
  assert.deepEqual(come({ epoch: "f", username: "eve" }), [false, undefined, undefined]);
});

test("nothing outlives a sign-out in memory", () => {
  const bench = new Bench().signIn();
  const world = new World(bench.session, { memory: null }, { changed() {} });
  world.begin(WELCOME);
  world.watched({ event: "presence", username: "al", online: true });
  world.show(world.conversation("user", "al"));
  world.end();
  assert.deepEqual([world.open, world.rows, world.unread, world.unsent], [null, [], 0, 0]);
});

test("what is sent is well-formed, and what no server takes is refused here", async () => {
  const bench = new Bench().signIn();
  bench.session.ask("send", { username: "al\ud800", message: "half \ud83d" });
  const { payload } = bench.sent.at(-1);
  assert.deepEqual([payload.username, payload.message], ["al\ufffd", "half \ufffd"]);
  const answer = await bench.session.ask("add", { username: "x".repeat(70_000) });
  assert.deepEqual([answer.ok, answer.code], [false, "frame_too_long"]);
  assert.equal(bench.types.includes("add"), false);
  bench.session.cut();
  bench.sent = [];
  bench.connect();
  bench.answer("resume", WELCOME);
  assert.deepEqual(bench.types, ["resume", "send"]);
});

test("a request that the server cannot read is not sent again and again", async () => {
  const bench = new Bench().signIn();
  const [first, second] = [
    bench.session.ask("add", { username: "al" }), bench.session.ask("add", { username: "cy" })];
  bench.receive("normalmsg", { code: "bad_payload", status: 400, message: "no JSON" });
  bench.again();
  assert.deepEqual([(await first).code, (await first).message], ["bad_payload", "no JSON"]);
  assert.deepEqual(bench.types, ["resume", "add"]);
  bench.answer("add", { code: "ok", message: "" });
  assert.equal((await second).ok, true);
});

test("what I say has its time by the server's clock", () => {
  const bench = new Bench().signIn();
  const world = new World(bench.session, { memory: null }, { changed() {} });
  world.begin(WELCOME);
  const talk = world.conversation("user", "al");
  world.send(talk, "now");
  assert.equal(talk.items[0].time, 1, "before the answer");
  const { payload } = bench.sent.findLast(({ type }) => type === "send");
  const answer = { re: payload.id, code: "ok", message: "", data: { seq: 11 } };
  bench.session.received(JSON.stringify({ type: "normalmsg", timestamp: 9, payload: answer }));
  return Promise.resolve().then(() => assert.equal(talk.items[0].time, 9));
});

test("what became of messages of last week is found with few questions", async () => {
  const bench = new Bench().signIn();
  const world = new World(bench.session, { memory: null }, { changed() {} });
  world.begin(WELCOME);
  const talk = world.conversation("user", "al");
  world.show(talk);
  const messages = Array.from({ length: 50 }, (_, i) => ({
    type: "usersend", timestamp: 1, payload: { fromusername: "bob", tousername: "al", message: "", seq: i + 1 },
  }));
  bench.answer("history", { code: "ok", message: "", data: { messages } });
  const [delivered, read] = [33, 17];
  let asked = 0;
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const request = bench.sent.filter(({ type }) => type === "receipts")[asked];
    if (!request) break;
    asked += 1;
    const { seq } = request.payload;
    const data = { seq, delivered: Number(seq <= delivered), read: Number(seq <= read), total: 1 };
    bench.receive("normalmsg", { re: request.payload.id, code: "ok", message: "", data });
  }
  assert.deepEqual(talk.marks, { delivered, read });
  assert.ok(asked > 0 && asked <= 14, `${asked} questions`);
});

test("a group is known by its id: another of its name is another", () => {
  const bench = new Bench().signIn();
  const world = new World(bench.session, { memory: null }, { changed() {} });
  world.begin(WELCOME);
  const said = (seq, prev, group_id) => {
    const group = { groupname: "club", creator: "al", group_id };
    bench.receive("groupsend", { ...group, fromusername: "al", message: "", seq, prev });
    world.take(bench.told.at(-1)[1], true);
  };
  said(12, 10, undefined);
  const byName = world.conversation("group", "club", "al");
  assert.deepEqual(byName.address, { creator: "al", groupname: "club" });
  said(13, 12, 4);
  assert.equal(world.conversation("group", "club", "al", 4), byName, "it was this one");
  said(14, 13, 5);
  const other = world.conversation("group", "club", "al", 5);
  assert.notEqual(other, byName);
  assert.deepEqual([byName.items.length, other.items.length], [2, 1]);
  assert.deepEqual(other.address, { group_id: 5 });
});
