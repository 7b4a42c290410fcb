// What the page keeps, in a real browser: for whom, where, and what it does not lose.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { PASSWORD, Server, Stage } from "./stage.js";

const stage = new Stage();
const [person, two] = [stage.person.bind(stage), stage.two.bind(stage)];

/** Somebody in front of the page, whose storages throw `name` in `method`, or wherever touched. */
async function without(name, method) {
  const someone = await person();
  await someone.context.addInitScript(([name, method]) => {
    const refuse = () => {
      throw new DOMException("no", name);
    };
    if (method) Storage.prototype[method] = refuse;
    else for (const storage of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, storage, { get: refuse });
    }
  }, [name, method]);
  await someone.page.reload();
  return someone;
}

test("p15 after a restore under an open page all that is new is shown, and nothing that is gone", async () => {
  const server = await Server.start();
  const ann = await person({}, server);
  await ann.register("ann");
  const bob = await server.peer("bob");
  await bob.ask("add", { username: "ann" });
  await bob.ask("send", { username: "ann", message: "in the backup" });
  await ann.open("user/bob");
  await ann.sees("in the backup");
  const file = path.join(server.data, "backup");
  server.command("backup", file);
  await bob.ask("send", { username: "ann", message: "lost" });
  await ann.sees("lost");
  ann.wire.cut();
  await ann.say("not sent");
  await server.end();
  server.command("restore", file);
  await server.begin();
  const again = await server.peer("bob");
  const { data: { seq } } = await again.ask("send", { username: "ann", message: "new" });
  assert.ok(seq > 0);
  ann.wire.mend();
  await ann.sees("new");
  await ann.at(".trouble", "restored to an earlier state").waitFor();
  await ann.at(".trouble button", "Discard").click();
  await ann.at("#question", "not known whether this message was sent").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.reload();
  await ann.at(".trouble", "restored to an earlier state").waitFor();
  assert.deepEqual(await ann.at("article .text").allTextContents(),
    ["in the backup", "new", "not sent"]);
  await ann.at(".trouble button", "Try again").click();
  await ann.at(".trouble").waitFor({ state: "detached" });
  const { data: { messages } } = await again.ask("history", { username: "ann" });
  assert.deepEqual(messages.filter(({ type }) => type === "usersend")
    .map(({ payload }) => payload.message), ["in the backup", "new", "not sent"]);
  await stage.leave();
  await server.stop();
});

test("whoever comes after a new database sends nobody's words, and sees nobody's list", async () => {
  const server = await Server.start();
  const ann = await person({}, server);
  await ann.register("ann");
  const bob = await server.peer("bob");
  await bob.ask("add", { username: "ann" });
  await ann.open("user/bob");
  ann.wire.cut();
  await ann.say("ann's words");
  await ann.at(".state.sending").waitFor();
  await server.replace();
  ann.wire.mend();
  await ann.at("#entrance .why", "Your sign-in has ended").waitFor();
  for (const name of ["eve", "ann"]) {
    await ann.register(name);
    await ann.at(".empty", "Nobody here yet").waitFor();
    const peer = await server.peer(`bob${name}`);
    await peer.ask("add", { username: name });
    await ann.row(`user/bob${name}`).waitFor();
    assert.equal(await ann.at(".list .row").count(), 1);
    assert.equal(await ann.at("body").evaluate((body) => body.textContent.includes("words")), false);
    await ann.signOut();
  }
  await stage.leave();
  await server.stop();
});

test("nothing of who signs out stays in the page, and the next one has their own", async () => {
  const [ann, bob] = await two("ann1", "bob1");
  await bob.say("for ann alone");
  await ann.sees("for ann alone");
  await ann.at(".composer textarea").fill("half a word");
  await ann.signOut();
  const left = await ann.page.evaluate(() => (
    document.querySelector("#rooms").textContent + document.querySelector("textarea").value
    + document.querySelector("[name=username]").value
    + JSON.stringify([localStorage, sessionStorage])));
  for (const trace of ["ann1", "bob1", "for ann", "half a word"]) {
    assert.equal(left.includes(trace), false, trace);
  }
  await ann.register("eve1");
  await ann.befriend("bob1");
  await ann.open("user/bob1");
  await ann.at(".top", "conversation begins").waitFor();
  assert.deepEqual(await ann.talk(), []);
  assert.equal(await ann.at(".composer textarea").inputValue(), "");
});

test("who signs out without a connection leaves nothing behind", async () => {
  const [ann, bob] = await two("ann7", "bob7");
  ann.wire.cut();
  await ann.say("never sent");
  await ann.at(".composer textarea").fill("half a word");
  await ann.at(".me").click();
  await ann.at("#panel .wide").click();
  // The server is there again when the page is loaded anew.
  await ann.page.route("**", (route) => {
    ann.wire.mend();
    return route.continue();
  });
  const isLoaded = ann.page.waitForEvent("load");
  await ann.at("#question .danger").waitFor();
  await ann.page.waitForTimeout(800);
  await ann.at("#question .danger").click();
  await isLoaded;
  await ann.at("#entrance [name=username]").waitFor();
  const left = await ann.page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  for (const trace of ["ann7", "bob7", "never", "half"]) {
    assert.equal(left.includes(trace), false, trace);
  }
  await ann.signIn("ann7");
  await ann.open("user/bob7");
  assert.equal(await ann.at(".composer textarea").inputValue(), "");
  assert.deepEqual(await ann.talk(), []);
  assert.deepEqual(await bob.talk(), []);
});

test("a page that rests neither overwrites nor brings back what the next tab keeps", async () => {
  const bob = await stage.server.peer("bob8");
  const ann = await person();
  await ann.at("[name=stay]").check();
  await ann.register("ann8");
  await ann.befriend("bob8");
  await ann.open("user/bob8");
  await ann.at(".composer textarea").fill("written in the first tab");
  await ann.page.evaluate(() => dispatchEvent(new Event("pagehide")));
  const first = ann.page;
  await ann.openPage();
  const second = ann.page;
  await second.locator(".whom", { hasText: "bob8" }).waitFor();
  await first.locator("#rest button").waitFor();
  const kept = () => second.evaluate(() => localStorage.getItem("p2sp.memory"));
  await second.locator(".composer textarea").fill("written in the second tab");
  await second.evaluate(() => dispatchEvent(new Event("pagehide")));
  await first.evaluate(() => dispatchEvent(new Event("pagehide")));
  await first.evaluate(() => history.back());
  await first.waitForTimeout(300);
  assert.match(await kept(), /the second tab/);
  await first.locator("#rest button").click();
  await first.locator(".whom", { hasText: "bob8" }).waitFor();
  assert.equal(await first.locator(".composer textarea").inputValue(), "written in the second tab");
  await second.locator("#rest button").waitFor();
  ann.page = first;
  await ann.signOut();
  await second.reload();
  await second.locator("#entrance [name=username]").waitFor();
  assert.equal(await kept(), null);
  bob.end();
});

test("whose place was taken by another machine loses no half a text, also where they stay", async () => {
  const bob = await stage.server.peer("bob9");
  const ann = await person();
  await ann.at("[name=stay]").check();
  await ann.register("ann9");
  await ann.befriend("bob9");
  await ann.open("user/bob9");
  await ann.at(".composer textarea").fill("half a word");
  const other = await person();
  await other.signIn("ann9");
  await ann.at("#rest button").click();
  await ann.at("#entrance .why", "Your sign-in has ended").waitFor();
  await ann.at("#entrance [name=password]").fill(PASSWORD);
  await ann.at("#entrance [type=submit]").click();
  await ann.at(".whom", "bob9").waitFor();
  assert.equal(await ann.at(".composer textarea").inputValue(), "half a word");
  bob.end();
});

test("whose place was taken finds name, conversation and half a text as they were", async () => {
  const [ann] = await two("ann2", "bob2");
  await ann.at(".composer textarea").fill("half a word");
  const other = await person();
  await other.signIn("ann2");
  await ann.at("#rest button").click();
  await ann.at("#entrance .why", "Your sign-in has ended").waitFor();
  assert.equal(await ann.at("#entrance [name=username]").inputValue(), "ann2");
  await ann.at("#entrance [name=password]").fill(PASSWORD);
  await ann.at("#entrance [type=submit]").click();
  await ann.at(".whom", "bob2").waitFor();
  assert.equal(await ann.at(".composer textarea").inputValue(), "half a word");
});

test("without storage the page lives as long as it is open", async () => {
  const bob = await stage.server.peer("bob3");
  for (const [i, method] of [undefined, "setItem", "getItem"].entries()) {
    const name = `ann3${i}`;
    const ann = await without(method === "setItem" ? "QuotaExceededError" : "SecurityError", method);
    await ann.register(name);
    await ann.befriend("bob3");
    await ann.open("user/bob3");
    await ann.say("one");
    await ann.at(".own .state.kept").waitFor();
    ann.wire.cut();
    await ann.say("two");
    ann.wire.mend();
    assert.deepEqual(await ann.talk(), ["one", "two"]);
    await ann.at(".me").click();
    await ann.at("dialog [data-lang=zh]").click();
    await ann.at("dialog h3", "语言").waitFor();
    await ann.page.keyboard.press("Escape");
    await ann.signOut("退出登录");
    await ann.at("#entrance [data-switch]", "注册").waitFor();
  }
  bob.end();
});

test("half a surrogate pair is sent as a mark, and the connection stands", async () => {
  const [ann, bob] = await two("ann4", "bob4");
  await ann.at(".composer textarea").evaluate((field) => {
    field.value = "half \ud83d";
    field.dispatchEvent(new Event("input"));
  });
  await ann.page.keyboard.press("Enter");
  await bob.sees("half \ufffd");
  await ann.say("whole");
  assert.deepEqual(await ann.talk(), ["half \ufffd", "whole"]);
});

test("a long text is measured, never cut, and sent as several on request", async () => {
  const [ann, bob] = await two("ann5", "bob5");
  const field = ann.at(".composer textarea");
  const measure = ann.at(".measure");
  await field.fill("x".repeat(6_999));
  assert.equal(await measure.isVisible(), false);
  await field.fill("x".repeat(7_000));
  await ann.at(".measure", "7,000 of 8,000 bytes").waitFor();
  await field.fill("你".repeat(2_667));
  await ann.at(".measure", "8,001 of 8,000 bytes").waitFor();
  // As a paste does it.
  const text = `  ${"line of ten words, or somewhat fewer than that\n".repeat(202)}`;
  await field.evaluate((node, text) => {
    node.focus();
    node.value = "";
    document.execCommand("insertText", false, text);
  }, text);
  assert.equal(await field.inputValue(), text);
  // A key that is held down repeats itself.
  for (let i = 0; i < 5; i += 1) await ann.page.keyboard.down("Enter");
  await ann.page.keyboard.up("Enter");
  await ann.page.keyboard.press("Enter");
  assert.equal(await ann.at("article").count(), 0, "it is not sent by itself");
  await ann.page.waitForTimeout(800);
  await ann.at(".measure button", "Send as 2 messages").click();
  await bob.at("article").nth(1).waitFor();
  const parts = await ann.talk();
  assert.equal(`${parts.join("\n")}\n`, text);
  assert.deepEqual(await bob.talk(), parts);
  assert.equal(await measure.isVisible(), false);
  await field.fill("\n\n    indented\n");
  await field.press("Enter");
  await bob.sees("indented");
  assert.equal((await bob.talk()).at(-1), "    indented");
});

test("no field cuts what is pasted into it", async () => {
  const ann = await person();
  const admin = await person();
  assert.equal(await ann.at("[maxlength]").count(), 0);
  await admin.signIn("admin", stage.server.adminPassword);
  await admin.at("[data-admin]").click();
  await admin.at("[role=tab]", "To everyone").click();
  const text = "y".repeat(8_001);
  await admin.at("dialog textarea").fill(text);
  await admin.at("dialog [type=submit]").click();
  await admin.at("dialog .why", "8000").waitFor();
  assert.equal(await admin.at("dialog textarea").inputValue(), text);
});

test("a wrong invite code is called wrong, and what was typed stays", async () => {
  const ann = await person();
  await ann.page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { type, payload } = JSON.parse(text);
      if (type !== "reg" || payload.invite === "right") return server.send(text);
      const answer = { re: payload.id, status: 403, code: "bad_invite", message: "no" };
      socket.send(JSON.stringify({ type: "normalmsg", timestamp: 0, payload: answer }));
    });
  });
  await ann.page.reload();
  await ann.at("[data-switch]").click();
  for (const field of ["password", "again"]) await ann.at(`#entrance [name=${field}]`).fill(PASSWORD);
  await ann.at("#entrance [name=username]").fill("ann6");
  await ann.at("#entrance [type=submit]").click();
  await ann.at("#entrance .why", "code is wrong").waitFor();
  assert.equal(await ann.at("#entrance [name=username]").inputValue(), "ann6");
  assert.equal(await ann.at("#entrance [name=again]").inputValue(), PASSWORD);
  await ann.at("[name=invite]").fill("right");
  await ann.at("#entrance [type=submit]").click();
  await ann.at(".me", "ann6").waitFor();
});
