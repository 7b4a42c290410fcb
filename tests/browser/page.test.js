// The page in a real browser, against the real server: what it is for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, Server, Stage } from "./stage.js";

const PHONE = { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true };

const stage = new Stage();
const [person, two] = [stage.person.bind(stage), stage.two.bind(stage)];

test("two pages chat both ways", async () => {
  const [ann, bob] = await two("ann1", "bob1");
  await ann.say("你好，Bob");
  await bob.sees("你好，Bob");
  await bob.say("hello 安");
  await ann.sees("hello 安");
  assert.deepEqual(await ann.talk(), ["你好，Bob", "hello 安"]);
  assert.deepEqual(await bob.talk(), ["你好，Bob", "hello 安"]);
});

test("p28 what somebody writes is text, and cannot turn around its line", async () => {
  const [ann, bob] = await two("ann2", "bob2");
  const markup = "<b>bold</b><img src=x onerror=alert(1)> \u202egnp.exe";
  await ann.say(markup);
  await bob.sees("bold");
  assert.deepEqual(await bob.talk(), [markup]);
  assert.equal(await bob.at("article b, article img").count(), 0);
  const isolation = (node) => getComputedStyle(node).unicodeBidi;
  assert.equal(await bob.at("article .text").evaluate(isolation), "isolate");
  assert.equal(await bob.at(".row .preview bdi").first().evaluate(isolation), "isolate");
  await bob.say("see https://example.org/a?b=1.");
  await ann.sees("example.org");
  const link = ann.at("article a");
  assert.equal(await link.getAttribute("href"), "https://example.org/a?b=1");
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
});

test("p15 who is cut off gets what was missed, and is heard, once", async () => {
  const [ann, bob] = await two("ann3", "bob3");
  await ann.say("one");
  await bob.sees("one");
  bob.wire.cut();
  await bob.at(".connection", "No connection").waitFor();
  await bob.say("written without a connection");
  await bob.at(".state.sending").waitFor();
  await ann.say("two");
  await ann.say("three");
  await ann.talk();
  await bob.at(".connection button", "Try now").click();
  bob.wire.mend();
  await bob.sees("three");
  await ann.sees("written without");
  const all = ["one", "two", "three", "written without a connection"];
  assert.deepEqual(await bob.talk(), all);
  assert.deepEqual(await ann.talk(), all);
  await bob.page.reload();
  await bob.sees("written without");
  assert.deepEqual(await bob.talk(), all, "and the server has it so");
});

test("p5 a message whose answer was lost is stored once", async () => {
  const [ann, bob] = await two("ann4", "bob4");
  bob.wire.isDeaf = true;
  await bob.say("heard, and not answered");
  await ann.sees("heard, and not answered");
  await bob.at(".state.sending").waitFor();
  bob.wire.cut();
  bob.wire.mend();
  assert.deepEqual(await bob.talk(), ["heard, and not answered"]);
  await bob.say("next");
  await ann.sees("next");
  assert.deepEqual(await ann.talk(), ["heard, and not answered", "next"]);
});

test("a message without an answer outlives the page", async () => {
  const [ann, bob] = await two("ann5", "bob5");
  bob.wire.isDeaf = true;
  await bob.say("kept by the browser");
  await ann.sees("kept by the browser");
  bob.wire.mend();
  await bob.page.reload();
  await bob.sees("kept by the browser");
  assert.deepEqual(await bob.talk(), ["kept by the browser"]);
  assert.deepEqual(await ann.talk(), ["kept by the browser"]);
});

test("what waited is there after the sign-in, counted until it is read", async () => {
  const ann = await person();
  await ann.register("ann6");
  const bob = await person();
  await bob.register("bob6");
  await ann.befriend("bob6");
  await bob.at(".me").click();
  await bob.at("dialog button", "Sign out").click();
  await bob.at("#entrance [name=username]").waitFor();
  await ann.open("user/bob6");
  for (const text of ["a", "b", "c"]) await ann.say(text);
  await ann.talk();
  await bob.signIn("bob6");
  await bob.at(".badge", "3").waitFor();
  assert.equal(await bob.page.title(), "(3) p2sp");
  await bob.page.reload();
  await bob.at(".badge", "3").waitFor();
  await bob.open("user/ann6");
  await bob.at(".new", "New messages").waitFor();
  await bob.at(".badge").waitFor({ state: "detached" });
  assert.deepEqual(await bob.talk(), ["a", "b", "c"]);
  assert.equal(await bob.page.title(), "p2sp");
});

test("a history is scrolled back to its beginning, nothing missing and nothing twice", async () => {
  const ann = await person();
  await ann.register("ann7");
  const peer = await stage.server.peer("bob7");
  await peer.ask("add", { username: "ann7" });
  const texts = Array.from({ length: 130 }, (_, i) => `message ${i + 1}`);
  for (const message of texts) peer.ask("send", { username: "ann7", message });
  await ann.at(".preview", "message 130").waitFor();
  await ann.open("user/bob7");
  await ann.at(".new", "New messages").waitFor();
  // Not kept while nobody looked: it comes with the history.
  await ann.at("article .text", /^message 2$/).waitFor();
  assert.equal(await ann.at(".newest").getAttribute("data-unread"), "131", "with the friendship");
  await ann.at(".newest").click();
  await ann.at(".badge").waitFor({ state: "detached" });
  await ann.page.reload();
  await ann.sees("message 130");
  assert.equal(await ann.at("article .text", /^message 1$/).count(), 0, "a page at a time");
  for (let i = 0; i < 600 && !(await ann.at(".top", "conversation begins").count()); i += 1) {
    await ann.at(".scroll").evaluate((node) => (node.scrollTop = 0));
    await ann.page.waitForTimeout(100);
  }
  await ann.at(".top", "conversation begins").waitFor();
  assert.deepEqual(await ann.talk(), texts);
  peer.end();
});

test("an administrator blocks somebody, who is told, and lets them in again", async () => {
  const [admin, bob] = [await person(), await person()];
  await bob.register("bob8");
  await admin.signIn("admin", stage.server.adminPassword);
  await admin.at("[data-admin]").click();
  const row = admin.at("dialog li", "bob8");
  await row.getByText("Block").click();
  await admin.sure();
  await bob.at("#entrance .why", "blocked your account").waitFor();
  await bob.at("#entrance [name=username]").fill("bob8");
  await bob.at("#entrance [name=password]").fill(PASSWORD);
  await bob.at("#entrance [type=submit]").click();
  await bob.at("#entrance .why", "has blocked this account").waitFor();
  await row.getByText("Unblock").click();
  await row.getByText("Block", { exact: true }).waitFor();
  await bob.at("#entrance [name=password]").fill(PASSWORD);
  await bob.at("#entrance [type=submit]").click();
  await bob.at(".me", "bob8").waitFor();
  await row.getByText("Message").click();
  await admin.at("dialog textarea").fill("welcome back");
  await admin.at("dialog [type=submit]").click();
  await bob.open("notices");
  await bob.sees("welcome back");
  await bob.at(".system", "system message").waitFor();
  await bob.at("[data-new]").click();
  await bob.at("dialog [name=groupname]").fill("club8");
  await bob.at("dialog button", "Create").click();
  await admin.at("[role=tab]", "Groups").click();
  const group = admin.at("dialog li", "club8");
  await group.getByText("Block").click();
  await admin.sure();
  await bob.at(".obstacle", "blocked this group").waitFor();
  await group.getByText("Unblock").click();
  await bob.at(".obstacle").waitFor({ state: "hidden" });
  await admin.at("[role=tab]", "What was done").click();
  await admin.at("dialog li", "admin unblockgroup bob8/club8").waitFor();
  await admin.at("dialog [type=search]").fill("blockuser bob8");
  assert.equal(await admin.at("dialog li", "bob8").count(), 2);
  await bob.open("notices");
  await admin.at("[role=tab]", "To everyone").click();
  await admin.at("dialog textarea").fill("tea at four");
  await admin.at("dialog [type=submit]").click();
  await bob.sees("tea at four");
  await admin.at("[role=tab]", "Figures").click();
  await admin.at("dialog th", "Users online").waitFor();
});

test("a group: made, joined, talked in, left and deleted", async () => {
  const [ann, bob] = await two("ann9", "bob9");
  await ann.at("[data-new]").click();
  await ann.at("dialog [name=groupname]").fill("读书会 9");
  await ann.at("dialog button", "Create").click();
  await ann.at(".whom", "读书会 9").waitFor();
  await ann.at("[data-details]").click();
  await ann.at("dialog [name=username]").fill("nobody9");
  await ann.at("dialog [type=submit]").click();
  await ann.at("dialog .why", "no user nobody9").waitFor();
  await ann.at("dialog [name=username]").fill("bob9");
  await ann.at("dialog [type=submit]").click();
  await ann.at("dialog li", "bob9").waitFor();
  await ann.at("dialog [aria-label=Close]").click();
  await bob.openGroup("读书会 9");
  await ann.say("chapter one");
  await bob.sees("chapter one");
  await bob.at(".event", "ann9 brought you into this group").waitFor();
  await bob.say("read it");
  await ann.sees("read it");
  await ann.at("[data-details]").click();
  const row = ann.at("dialog li", "bob9");
  // What is being typed outlives the list, which is read anew behind the removal.
  await ann.at("dialog [name=username]").fill("carol9");
  await row.getByText("Remove").click();
  await ann.sure();
  await bob.at(".obstacle", "not in this group any more").waitFor();
  await row.waitFor({ state: "detached" });
  assert.equal(await ann.at("dialog [name=username]").inputValue(), "carol9");
  await ann.at("dialog button", "Delete the group").click();
  await ann.sure();
  await ann.at(".obstacle", "not in this group any more").waitFor();
});

test("with friend approval a friend is asked, and says yes or no", async () => {
  const strict = await Server.start("--friend-approval");
  try {
    const [ann, bob] = [await person({}, strict), await person({}, strict)];
    await Promise.all([ann.register("ann10"), bob.register("bob10")]);
    const ask = async () => {
      await ann.at("[data-new]").click();
      await ann.at("dialog [name=username]").fill("bob10");
      await ann.at("dialog [name=username]").press("Enter");
      await bob.at(".request", "ann10 asks to be your friend").waitFor();
    };
    await ask();
    await bob.at(".request button", "Reject").click();
    await bob.at(".request").waitFor({ state: "detached" });
    await ask();
    await bob.at(".request button", "Accept").click();
    await bob.open("user/ann10");
    await bob.say("yes");
    await ann.row("user/bob10").click();
    await ann.sees("yes");
    await stage.leave();
  } finally {
    await strict.stop();
  }
});

test("p17 who signs in elsewhere is told on the page that rests, and it fights nobody", async () => {
  const [first, second] = [await person(), await person()];
  await first.register("ann11");
  await second.signIn("ann11");
  await first.at("#rest", "signed in elsewhere").waitFor();
  await first.page.waitForTimeout(1_500);
  assert.equal(await second.at("#rest").isVisible(), false);
  await first.at("#rest button").click();
  await first.at("#entrance .why", "Your sign-in has ended").waitFor();
});

test("one who ticks it stays signed in in other tabs; else a tab is on its own", async () => {
  const ann = await person();
  await ann.register("ann12");
  await ann.openPage();
  await ann.at("#entrance [name=username]").waitFor();
  await ann.at("[name=stay]").check();
  await ann.signIn("ann12");
  await ann.openPage();
  await ann.at(".me", "ann12").waitFor();
  const kept = await ann.page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  assert.equal(kept.includes(PASSWORD), false);
  assert.equal(ann.page.url(), ann.wire.url, "nothing of it is in the address");
});

test("on a phone, in Chinese: a list, then a conversation, and back", async () => {
  const [ann, bob] = await two("ann13", "小明13", { ...PHONE, locale: "zh-CN" });
  assert.equal(await bob.page.evaluate(() => document.documentElement.lang), "zh-CN");
  await ann.say("hello");
  await bob.sees("hello");
  assert.equal(await bob.at(".whom p").textContent(), "在线");
  assert.equal(await bob.at(".list").isVisible(), false);
  const overflow = () => bob.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(await overflow(), 0);
  await bob.at(".back").tap();
  await bob.row("user/ann13").waitFor();
  assert.equal(await bob.at(".talk").isVisible(), false);
  assert.equal(await overflow(), 0);
  await ann.say("again");
  await bob.at(".badge", "1").waitFor();
  await bob.row("user/ann13").tap();
  await bob.sees("again");
  await bob.page.goBack();
  await bob.at(".badge").waitFor({ state: "detached" });
  await bob.at(".me").tap();
  await bob.at("dialog h3", "语言").waitFor();
  await bob.at("dialog [data-lang=en]").tap();
  await bob.at("dialog h3", "Language").waitFor();
  await bob.at("dialog [name=old]").fill("wrong password");
  await bob.at("dialog [name=fresh]").fill(`${PASSWORD} 2`);
  await bob.at("dialog [name=again]").fill(`${PASSWORD} 2`);
  await bob.at("dialog [type=submit]").tap();
  await bob.at("dialog .why", "The name or the password is wrong").waitFor();
  await bob.at("dialog [name=old]").fill(PASSWORD);
  // Behind a wrong password the next one waits.
  await bob.page.waitForTimeout(1_100);
  await bob.at("dialog [type=submit]").tap();
  await bob.at("#toasts", "Your password is changed").waitFor();
});

test("everything can be done from the keyboard", async () => {
  const [ann, bob] = await two("ann14", "bob14");
  const keys = ann.page.keyboard;
  await ann.page.reload();
  // What was open is drawn again, and takes the focus.
  await ann.at('[data-key="user/bob14"][aria-current=true]').waitFor();
  await ann.at("[type=search]").focus();
  await keys.type("bob");
  await keys.press("ArrowDown");
  await keys.press("Enter");
  await ann.at(".composer textarea").focus();
  await keys.type("first line");
  await keys.press("Shift+Enter");
  await keys.type("second line");
  await keys.press("Enter");
  await bob.sees("second line");
  assert.deepEqual(await bob.talk(), ["first line\nsecond line"]);
  await ann.at("[data-details]").focus();
  await keys.press("Enter");
  await ann.at("dialog[open]").waitFor();
  await keys.press("Escape");
  await ann.at("dialog[open]").waitFor({ state: "hidden" });
});

test("the invite code is asked for when the server asks for it, and only then", async () => {
  const ann = await person();
  const seen = [];
  await ann.page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { type, payload } = JSON.parse(text);
      if (type === "reg") seen.push(payload.invite);
      if (type !== "reg" || payload.invite) return server.send(text);
      const answer = { re: payload.id, status: 403, code: "invite_required", message: "no" };
      socket.send(JSON.stringify({ type: "normalmsg", timestamp: 0, payload: answer }));
    });
  });
  await ann.page.reload();
  await ann.at("[data-switch]").click();
  assert.equal(await ann.at("[name=invite]").isVisible(), false);
  await ann.at("#entrance [name=again]").fill(PASSWORD);
  await ann.at("#entrance [name=username]").fill("ann15");
  await ann.at("#entrance [name=password]").fill(PASSWORD);
  await ann.at("#entrance [type=submit]").click();
  await ann.at("[name=invite]").fill("the-code");
  await ann.at("#entrance [type=submit]").click();
  await ann.at(".me", "ann15").waitFor();
  assert.deepEqual(seen, [undefined, "the-code"]);
});

test("what is refused is said in plain words, and what was written is not lost", async () => {
  const [ann, bob] = await two("ann16", "bob16");
  ann.wire.cut();
  await ann.say("too late");
  await bob.at("[data-details]").click();
  await bob.at("dialog button", "End the friendship").click();
  await bob.sure();
  await bob.at(".obstacle", "not friends").waitFor();
  ann.wire.mend();
  await ann.at(".trouble", "Not sent: You are not friends").waitFor();
  await ann.sees("too late");
  await bob.befriend("ann16");
  await ann.at(".trouble button", "Try again").click();
  await bob.sees("too late");
});

test("what one said is marked: on the disk, received, read, also while one was away", async () => {
  const [ann, bob] = [await person(), await person()];
  await Promise.all([ann.register("ann17"), bob.register("bob17")]);
  await ann.befriend("bob17");
  await ann.open("user/bob17");
  const mark = (label) => ann.at(`.own .state[aria-label="${label}"]`);
  bob.wire.cut();
  await bob.at(".connection", "No connection").waitFor();
  await ann.say("one");
  await mark("On the server's disk").waitFor();
  await bob.at(".connection button", "Try now").click();
  bob.wire.mend();
  await mark("Received").waitFor();
  assert.equal(await mark("Received").textContent(), "✓✓");
  await bob.open("user/ann17");
  await mark("Read").waitFor();
  const peer = await stage.server.peer("cat17");
  await peer.ask("add", { username: "ann17" });
  await ann.open("user/cat17");
  await ann.say("two");
  // Whoever leaves before the answer sends it again when they are back, and nobody has read it.
  await ann.at(".own .state:text-matches('✓')").waitFor();
  await ann.page.goto("about:blank");
  const { data: { messages } } = await peer.ask("history", { username: "ann17" });
  await peer.ask("read", { username: "ann17", seq: messages.at(-1).payload.seq });
  await ann.page.goto(ann.wire.url);
  await mark("Read").waitFor();
  peer.end();
});

test("who comes and goes is seen at once, by a page that came back as well", async () => {
  const [ann, bob] = await two("ann18", "bob18");
  const sub = (text) => ann.at(".whom p", text).waitFor();
  await sub("online");
  bob.wire.cut();
  await sub("offline");
  ann.wire.cut();
  await ann.at(".connection", "No connection").waitFor();
  await ann.at(".connection button", "Try now").click();
  ann.wire.mend();
  await ann.at(".connection").waitFor({ state: "hidden" });
  await bob.at(".connection button", "Try now").click();
  bob.wire.mend();
  await sub(/^online/);
  assert.equal(await ann.at("#toasts p", "bob18 is").count(), 0, "nobody is interrupted");
});

test("of a group one asks how many have read a message", async () => {
  const [ann, bob] = await two("ann19", "bob19");
  await ann.at("[data-new]").click();
  await ann.at("dialog [name=groupname]").fill("club19");
  await ann.at("dialog button", "Create").click();
  await ann.at(".whom", "club19").waitFor();
  await ann.at("[data-details]").click();
  await ann.at("dialog [name=username]").fill("bob19");
  await ann.at("dialog [type=submit]").click();
  await ann.at("dialog li", "bob19").waitFor();
  await ann.at("dialog [aria-label=Close]").click();
  await ann.say("who reads this?");
  await ann.at("button.state").press("Enter");
  await ann.at(".readers", "0 of 1 have read it").waitFor();
  await bob.openGroup("club19");
  await bob.sees("who reads this?");
  await assertSoon(async () => {
    await ann.at("button.state").click();
    await ann.at(".readers", "1 of 1 have read it").waitFor({ timeout: 300 });
  });
});

test("what was said is found by any part of it, and shown where it was said", async () => {
  const ann = await person();
  await ann.register("ann20");
  const peer = await stage.server.peer("bob20");
  await peer.ask("add", { username: "ann20" });
  const say = (message) => peer.ask("send", { username: "ann20", message });
  say("<i>first</i>");
  say("我家在上海东边");
  for (let i = 1; i <= 120; i += 1) say(`message ${i}`);
  await say("the last");
  await ann.at(".preview", "the last").waitFor();
  const keys = ann.page.keyboard;
  await keys.press("Control+k");
  await keys.type("上海");
  await keys.press("Enter");
  const hit = ann.at(".found .row");
  await hit.waitFor();
  assert.match(await hit.textContent(), /bob20.*bob20: 我家在上海东边/);
  await keys.press("ArrowDown");
  await keys.press("Enter");
  const found = ann.at(".sought .text", "我家在上海东边");
  await found.waitFor();
  const isSeen = (node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return top > 0 && bottom < innerHeight;
  };
  assert.equal(await found.evaluate(isSeen), true);
  assert.equal(await ann.at(".newest").getAttribute("data-unread"), "124", "all is unread yet");
  for (let i = 0; i < 1_200 && (await ann.at(".newest").isVisible()); i += 1) {
    await ann.at(".scroll").evaluate((node) => (node.scrollTop = node.scrollHeight));
    await ann.page.waitForTimeout(50);
  }
  await ann.at(".newest").waitFor({ state: "hidden" });
  assert.equal((await ann.talk()).length, 123, "from there on to the end nothing is missing");
  await ann.at(".found").waitFor();
  await keys.press("Escape");
  await ann.row("user/bob20").waitFor();
  assert.equal(await ann.at("[type=search]").inputValue(), "");
  for (let i = 1; i <= 20; i += 1) say(`第${i}次去北京`);
  await say("再去北京");
  await ann.at("[type=search]").fill("北京");
  await keys.press("Control+k");
  await keys.press("Enter");
  await ann.at(".found .row").nth(19).waitFor();
  assert.match(await ann.at(".found .row").first().textContent(), /再去北京/);
  await ann.at(".found button", "Earlier").click();
  await ann.at(".found .row").nth(20).waitFor();
  await ann.at(".found .row", "再去北京").click();
  await ann.at(".sought .text", "再去北京").waitFor();
  await ann.page.reload();
  await ann.sees("再去北京");
  await ann.at("[type=search]").fill("上海");
  await ann.at("[type=search]").press("Enter");
  await hit.click();
  await found.waitFor();
  assert.equal(await ann.at("article .text", "再去北京").count(), 0, "far from the end");
  await ann.at(".newest").click();
  await ann.sees("再去北京");
  assert.equal(await ann.at("article .text", "我家").count(), 0);
  peer.end();
});

/** What is counted a moment later is asked for again. */
async function assertSoon(check) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await check();
    } catch (error) {
      if (tries === 99) throw error;
    }
  }
}
