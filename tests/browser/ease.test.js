// How the page behaves under fingers, keys and eyes, in a real browser.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { Person, Stage, launchAsPeopleDo } from "./stage.js";

const stage = new Stage();
const [person, two] = [stage.person.bind(stage), stage.two.bind(stage)];
const SMALL = { viewport: { width: 320, height: 640 } };

async function createGroup(someone, name) {
  await someone.at("[data-new]").click();
  await someone.at("dialog [name=groupname]").fill(name);
  await someone.at("dialog button", "Create").click();
  await someone.at(".whom", name).waitFor();
}

test("a browser that connects ahead, and asks later, is shown the page", async () => {
  const ann = await person();
  ann.wire.silentMs = 1_000;
  const response = await ann.page.reload();
  assert.ok([200, 304].includes(response.status()));
  await ann.register("ann0");
});

test("an ordinary browser connects ahead, is shown the page, and chats", async () => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "p2sp-profile-"));
  const [ann, bob] = [
    await Person.in(await launchAsPeopleDo(profile), stage.server), await person()];
  try {
    // One that it does not need yet, and on which it says nothing.
    await ann.page.evaluate(() => {
      const ahead = document.createElement("link");
      document.head.append(Object.assign(ahead, { rel: "preconnect", href: location.origin }));
    });
    for (let wait = 0; ann.wire.silent === 0 && wait < 1_200; wait += 1) {
      await ann.page.waitForTimeout(50);
    }
    assert.ok(ann.wire.silent > 0, "it connects ahead");
    await ann.page.reload();
    await Promise.all([ann.register("ann-ahead"), bob.register("bob-ahead")]);
    await ann.befriend("bob-ahead");
    await Promise.all([ann.open("user/bob-ahead"), bob.open("user/ann-ahead")]);
    await ann.say("from an ordinary browser");
    await bob.sees("from an ordinary browser");
    await bob.say("seen");
    await ann.sees("seen");
  } finally {
    await ann.leave();
    fs.rmSync(profile, { recursive: true, force: true });
  }
});

test("no double click, and no key held down, does what cannot be undone", async () => {
  const [ann, bob] = await two("ann1", "bob1");
  const keys = ann.page.keyboard;
  await ann.at("[data-details]").click();
  // However slow this machine is, the second press comes at once.
  await ann.page.evaluate(() => {
    const now = performance.now();
    performance.now = () => now;
  });
  await ann.at("#panel .danger").dblclick();
  await ann.at("#question", "bob1 and you will no longer be friends").waitFor();
  await ann.at("#question .danger").dblclick({ force: true });
  await ann.page.evaluate(() => delete performance.now);
  await ann.page.waitForTimeout(800);
  await ann.at("#question .danger").dispatchEvent("click", { detail: 2 });
  assert.equal(await ann.at("#question").isVisible(), true, "the same press answers nothing");
  await keys.press("Escape");
  await ann.at("#question").waitFor({ state: "hidden" });
  await ann.at("#panel .danger").focus();
  // A key that is held down repeats itself.
  for (let i = 0; i < 5; i += 1) await keys.down("Enter");
  await keys.up("Enter");
  await keys.press("Escape");
  await keys.press("Escape");
  await ann.say("still friends");
  await bob.sees("still friends");
  await createGroup(ann, "club1");
  await ann.at("[data-details]").click();
  await ann.at("dialog [name=username]").fill("bob1");
  await ann.at("dialog [type=submit]").click();
  await ann.at("dialog li", "bob1").waitFor();
  await ann.at("dialog li button", "Remove").dblclick();
  await ann.at("#question", "bob1 will be removed from club1").waitFor();
  await keys.press("Escape");
  await ann.at("#panel > .body > .danger").dblclick();
  await ann.at("#question", "club1 will be deleted for all its members (2)").waitFor();
  await keys.press("Escape");
  await bob.openGroup("club1");
  await bob.at("[data-details]").click();
  await bob.at("#panel .danger").dblclick();
  await bob.at("#question", "Only ann1 can bring you back").waitFor();
  await bob.page.keyboard.press("Escape");
  await bob.page.keyboard.press("Escape");
  await bob.say("still here");
  await bob.at(".own .state.kept").waitFor();
});

test("a message that was not sent is not discarded by one press, nor by signing out", async () => {
  const [ann, bob] = await two("ann2", "bob2");
  await bob.at("[data-details]").click();
  ann.wire.cut();
  await ann.say("a long text, written with care");
  await bob.at("#panel .danger").click();
  await bob.sure();
  ann.wire.mend();
  await ann.at(".trouble button", "Discard").click();
  await ann.at("#question", "will be lost").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.reload();
  await ann.at(".trouble", "Not sent").waitFor();
  await ann.at(".me").click();
  await ann.at("#panel .wide").click();
  await ann.at("#question", "perhaps not sent: 1.").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.page.keyboard.press("Escape");
  await ann.at(".trouble button", "Discard").click();
  await ann.sure();
  await ann.at("article").waitFor({ state: "detached" });
});

test("what one says has the server's time, whatever the browser's clock says", async () => {
  const [ann, bob] = await two("ann3", "bob3");
  await ann.context.addInitScript(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 5 * 3_600_000;
  });
  await ann.page.reload();
  await ann.at(".whom", "bob3").waitFor();
  await ann.say("what time is it?");
  await bob.sees("what time");
  await ann.at(".own .state").waitFor();
  const time = (someone) => someone.at("article .foot").evaluate((node) => node.firstChild.data);
  assert.equal(await time(ann), await time(bob));
});

test("who is counted online in a group follows who is seen online", async () => {
  const [ann, bob] = await two("ann4", "bob4");
  await createGroup(ann, "club4");
  await ann.at("[data-details]").click();
  await ann.at("dialog [name=username]").fill("bob4");
  await ann.at("dialog [type=submit]").click();
  await ann.at("dialog li", "bob4").waitFor();
  await ann.page.keyboard.press("Escape");
  await ann.at(".whom p", "2 of 2 online").waitFor();
  bob.wire.cut();
  await ann.at(".whom p", "1 of 2 online").waitFor();
});

test("ctrl-k, a name, enter: that conversation, and the list is whole again", async () => {
  const ann = await person();
  await ann.register("ann5");
  for (const name of ["bob5", "cat5"]) {
    const peer = await stage.server.peer(name);
    await peer.ask("add", { username: "ann5" });
    await peer.ask("send", { username: "ann5", message: "about bob5 and cat5" });
    await ann.row(`user/${name}`).waitFor();
  }
  const keys = ann.page.keyboard;
  const field = ann.at("[type=search]");
  await keys.press("Control+k");
  await keys.type("bob");
  await keys.press("Enter");
  await ann.at(".whom", "bob5").waitFor();
  assert.equal(await field.inputValue(), "");
  await ann.row("user/cat5").waitFor();
  const isWriting = () => ann.at(".composer textarea").evaluate(
    (node) => node === document.activeElement);
  assert.equal(await isWriting(), true);
  await keys.press("Control+k");
  await keys.type("bob5");
  await ann.row("user/cat5").waitFor({ state: "detached" });
  await ann.row("user/bob5").click();
  await ann.row("user/cat5").waitFor();
  assert.equal(await isWriting(), true);
  await keys.press("Control+k");
  await keys.type("bob5");
  await ann.at(".list .row", "Search the messages for bob5").click();
  await ann.at(".found .row").nth(1).waitFor();
  await keys.press("Escape");
  await field.fill("about");
  await field.press("Enter");
  await ann.at(".found .row").nth(1).waitFor();
});

test("the list is one Tab stop, and so are the messages", async () => {
  const ann = await person();
  await ann.register("ann6");
  for (let i = 0; i < 12; i += 1) {
    const peer = await stage.server.peer(`friend6-${i}`);
    await peer.ask("add", { username: "ann6" });
    peer.end();
  }
  await createGroup(ann, "club6");
  for (let i = 0; i < 5; i += 1) await ann.say(`see https://a.example/${i}`);
  await ann.at("button.state").nth(4).waitFor();
  const keys = ann.page.keyboard;
  await ann.at(".me").focus();
  const stops = [];
  for (let i = 0; i < 20; i += 1) {
    await keys.press("Tab");
    const stop = await ann.page.evaluate(() => document.activeElement.className || document.activeElement.tagName);
    stops.push(stop);
    if (stop === "TEXTAREA") break;
  }
  assert.equal(stops.at(-1), "TEXTAREA", stops.join());
  assert.ok(stops.length <= 7, stops.join());
  await ann.at(".list .row:not([tabindex='-1'])").focus();
  await keys.press("ArrowDown");
  await keys.press("End");
  await keys.press("Home");
  assert.equal(await ann.at(".list .row").first().evaluate((n) => n === document.activeElement), true);
  assert.equal(await ann.at(".list .row:not([tabindex='-1'])").count(), 1);
  // Within the messages the arrows lead to each, and Tab from there to what is in it.
  await ann.at(".scroll").focus();
  await keys.press("ArrowUp");
  await keys.press("ArrowUp");
  await keys.press("Tab");
  assert.equal(await ann.page.evaluate(() => document.activeElement.href), "https://a.example/3");
  await keys.press("Tab");
  await keys.press("Enter");
  await ann.at(".readers", "0 of 0").waitFor();
  await keys.press("Escape");
  assert.equal(await ann.page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
});

test("a message is copied without its time", async () => {
  const [ann] = await two("ann7", "bob7");
  await ann.say("only this");
  await ann.at(".own .state:text-matches('✓')").waitFor();
  const copied = await ann.page.evaluate(() => {
    getSelection().selectAllChildren(document.querySelector(".bubble"));
    let text = "";
    document.addEventListener("copy", () => (text = getSelection().toString()), { once: true });
    document.execCommand("copy");
    return text;
  });
  assert.equal(copied.trim(), "only this");
});

test("whatever is written, nothing scrolls sideways and no character is halved", async () => {
  const ann = await person(SMALL);
  await ann.register("ann8");
  const peer = await stage.server.peer("bob8");
  await peer.ask("add", { username: "ann8" });
  const long = "a".repeat(89) + "😀" + "b".repeat(50);
  const zalgo = `Z${"\u0336\u0322\u0310\u0489\u20dd\u20e3".repeat(80)} ${"﷽".repeat(30)}`;
  const say = (message) => peer.ask("send", { username: "ann8", message });
  await ann.row("user/bob8").waitFor();
  await say(long);
  await ann.at(".preview", /^a{89}😀$/u).waitFor();
  const isWide = () => ann.page.evaluate(() => [...document.querySelectorAll("html, .scroll, aside, .list")]
    .filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.className || node.tagName));
  for (const text of [zalgo, "W".repeat(400), "https://a.example/" + "x".repeat(400)]) {
    await say(text);
    await ann.at(".preview", text.slice(0, 10)).waitFor();
    assert.deepEqual(await isWide(), []);
    await ann.open("user/bob8");
    await ann.sees(text.slice(0, 10));
    assert.deepEqual(await isWide(), []);
    await ann.at(".back").click();
  }
  await peer.ask("newgroup", { groupname: "W".repeat(64) });
  await peer.ask("addgroupuser", { groupname: "W".repeat(64), username: "ann8" });
  await ann.openGroup("WWW");
  await ann.at("[data-details]").click();
  await ann.at("#panel .danger").click();
  await ann.at("#question").waitFor();
  for (const id of ["panel", "question"]) {
    const body = ann.at(`#${id} .body`);
    assert.equal(await body.evaluate((node) => node.scrollWidth > node.clientWidth), false, id);
  }
});

test("what an answer says covers neither the way back nor what is wrong", async () => {
  const [ann] = await two("ann9", "bob9", SMALL);
  const bob = await person(SMALL);
  await bob.register("cat9");
  await bob.befriend("ann9");
  await bob.open("user/ann9");
  await bob.at("[data-details]").click();
  await bob.at("#panel .danger").click();
  await bob.sure();
  await bob.at("#toasts p").waitFor();
  const box = await bob.at("#toasts p").boundingBox();
  const inTheWay = await bob.page.evaluate(({ x, y, width, height }) => (
    [...document.querySelectorAll("button, textarea, .connection")].filter((node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      return left < x + width && right > x && top < y + height && bottom > y;
    }).map((node) => node.className)), box);
  assert.deepEqual(inTheWay, []);
  await ann.at(".whom").waitFor();
});

test("a link in the page shows where it leads, and is turned around by nothing", async () => {
  const [ann, bob] = await two("ann10", "bob10");
  await ann.say("\u202esee https://a.example/Mercury_(planet), 看https://b.example/c这个 "
    + "https://google.com@evil.example/ https://gооgle.com/");
  await bob.sees("Mercury");
  const links = bob.at("article a");
  assert.deepEqual(await links.evaluateAll((nodes) => nodes.map((node) => node.href)), [
    "https://a.example/Mercury_(planet)", "https://b.example/c", "https://xn--ggle-55da.com/"]);
  assert.equal(await links.nth(2).textContent(), "https://xn--ggle-55da.com/");
  assert.equal(await links.first().evaluate((node) => getComputedStyle(node).unicodeBidi), "isolate");
  assert.equal(await links.first().evaluate((node) => getComputedStyle(node).direction), "ltr");
});

const axe = fs.readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What axe finds wrong on the screen. */
async function faults(someone) {
  await someone.page.evaluate(axe);
  return someone.page.evaluate(async () => {
    const { violations } = await globalThis.axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n")}`);
  });
}

for (const [colorScheme, locale] of [["light", "en-GB"], ["dark", "en-GB"], ["light", "zh-CN"]]) {
  test(`axe finds nothing wrong on any screen, ${colorScheme}, ${locale}`, async () => {
    const [annName, bobName] = ["ann", "bob"].map((name) => `${name}-${colorScheme}-${locale}`);
    const [ann, bob] = await two(annName, bobName);
    const zoe = await person({ colorScheme, locale, bypassCSP: true });
    const lang = await zoe.page.evaluate(() => document.documentElement.lang);
    assert.equal(lang.slice(0, 2), locale.slice(0, 2), "the page speaks the browser's language");
    const clean = async (screen) => assert.deepEqual(await faults(zoe), [], screen);
    await clean("the door");
    await zoe.at("#entrance [name=username]").fill("nobody-here");
    await zoe.at("#entrance [name=password]").fill("wrong");
    await zoe.at("#entrance [type=submit]").click();
    await zoe.at("#entrance .why", /./).waitFor();
    await clean("the door, refused");
    await zoe.at("[data-switch]").click();
    await clean("the door, to register");
    await zoe.at("[data-switch]").click();
    await ann.say("see https://a.example/");
    await bob.sees("see");
    await bob.say("yes");
    await ann.sees("yes");
    await createGroup(ann, "club");
    await ann.say("hello");
    await ann.at("button.state").waitFor();
    await zoe.signIn(annName);
    await ann.at("#rest").waitFor();
    await zoe.row(`user/${bobName}`).waitFor();
    await clean("the list");
    await zoe.open(`user/${bobName}`);
    await zoe.sees("yes");
    await clean("a conversation");
    await zoe.at(".composer textarea").fill("x".repeat(9_000));
    await zoe.at(".measure").waitFor();
    await clean("a long text");
    await zoe.at(".composer textarea").fill("");
    await zoe.at("[data-details]").click();
    await clean("a friend");
    await zoe.at("#panel .danger").click();
    await clean("a question");
    await zoe.page.keyboard.press("Escape");
    await zoe.page.keyboard.press("Escape");
    await zoe.openGroup("club");
    await zoe.at("button.state").click();
    await zoe.at(".readers").waitFor();
    await clean("a group");
    await zoe.at("[data-details]").click();
    await zoe.at("#panel li").waitFor();
    await clean("a group's members");
    await zoe.page.keyboard.press("Escape");
    await zoe.at("[type=search]").fill("hello");
    await zoe.at("[type=search]").press("Enter");
    await zoe.at(".found .row").waitFor();
    await clean("what was found");
    await zoe.at("[type=search]").fill("");
    for (const button of [".me", "[data-new]"]) {
      await zoe.at(button).click();
      await zoe.at("#panel").waitFor();
      await clean(button);
      await zoe.page.keyboard.press("Escape");
    }
    zoe.wire.cut();
    await zoe.at(".connection", /./).waitFor();
    await zoe.say("not yet");
    await clean("cut off");
    zoe.wire.mend();
    const admin = await person({ colorScheme, locale, bypassCSP: true });
    await admin.signIn("admin", stage.server.adminPassword);
    await admin.at("[data-admin]").click();
    await admin.at("[role=tab]").nth(3).waitFor();
    for (const tab of await admin.at("[role=tab]").allTextContents()) {
      await admin.at("[role=tab]", tab).click();
      await admin.at("#panel :is(li .title, li.muted:not(:text-is('…')), textarea, th)").first().waitFor();
      assert.deepEqual(await faults(admin), [], tab);
    }
  });
}
