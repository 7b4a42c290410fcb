// What needs no browser: the table of words against the files that use it, and the list of files.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { WORDS } from "../../client/web/words.js";

const folder = new URL("../../client/web/", import.meta.url);
const files = fs.readdirSync(folder);
const read = (name) => fs.readFileSync(new URL(name, folder), "utf8");
const modules = files.filter((name) => name.endsWith(".js") && name !== "words.js");
const html = read("index.html");

test("every text has its words in both languages, with the same blanks", () => {
  const blanks = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const [key, pair] of Object.entries(WORDS)) {
    assert.equal(pair.length, 2, key);
    const [english, chinese] = pair;
    assert.match(english, /^[\x20-\x7e…–]+$/, key);
    assert.match(chinese, /[\p{Script=Han}：]/u, key);
    assert.deepEqual(blanks(english), blanks(chinese), key);
  }
});

test("every key that is used is in the table, and every key in the table is used", () => {
  const used = new Set();
  for (const [, key] of html.matchAll(/data-(?:say|label)="(\w+)"/g)) used.add(key);
  const asked = /(?:say|saying|sayParts|tag)\(\s*([^;{}]*?)[,)]/g;
  const code = modules.map(read).join("\n");
  for (const [, argument] of code.matchAll(asked)) {
    for (const [, key] of argument.matchAll(/"(\w+)"/g)) used.add(key);
  }
  for (const key of used) assert.ok(key in WORDS, `say("${key}")`);
  // Some are chosen in one place and said in another.
  const named = new Set([...code.matchAll(/"(\w+)"/g)].map(([, key]) => key));
  for (const key of Object.keys(WORDS)) {
    const isMade = /^(event|figure)_/.test(key);
    assert.ok(used.has(key) || named.has(key) || isMade, `no module uses ${key}`);
  }
});

test("every figure of stats has words here", () => {
  const code = fs.readFileSync(new URL("../../src/handlers/admin.rs", import.meta.url), "utf8");
  const names = [...code.matchAll(/(?:gauge|counter)\("(\w+)"|data\["(\w+)"\] =/g)];
  assert.ok(names.length > 20);
  for (const [, figure, counts] of names) assert.ok(`figure_${figure ?? counts}` in WORDS, figure);
});

test("every event of the protocol that is in the log has words here", () => {
  const protocol = fs.readFileSync(new URL("../../PROTOCOL.md", import.meta.url), "utf8");
  const rows = [...protocol.matchAll(/^\| `((?:friend|group)_\w+)` \|.*\| yes \|/gm)];
  assert.ok(rows.length >= 11);
  for (const [, event] of rows) assert.ok(`event_${event}` in WORDS, event);
});

test("the page names all its files, and nothing from elsewhere", () => {
  for (const name of files.filter((name) => name !== "index.html")) {
    assert.ok(html.includes(`"${name}"`), name);
  }
  for (const name of files.filter((name) => name !== "icon.svg")) {
    const addresses = read(name).match(/https?:\/\/[\w.]+/g) ?? [];
    assert.deepEqual(addresses.filter((address) => address !== "http://www.w3.org"), [], name);
  }
});

test("no markup is made of texts, and no script or style stands in the page", () => {
  for (const name of modules) {
    assert.doesNotMatch(read(name), /(inner|outer)HTML|insertAdjacentHTML|document\.write|eval\(/);
  }
  assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
});
