// Texts without a browser: where they are cut, and what in them is a link.

import assert from "node:assert/strict";
import { test } from "node:test";

import { linksIn } from "../../client/web/links.js";
import { bytesOf, clip, clipStart, partsOf } from "../../client/web/text.js";

const links = (text) => linksIn(text).filter((piece) => typeof piece !== "string");
const shown = (text) => links(text).map((link) => link.shown);

test("an address is a link, whatever its case, and so is www. and an e-mail address", () => {
  const cases = {
    "https://a.example/b?c=d#e": "https://a.example/b?c=d#e",
    "HTTPS://A.example/B": "HTTPS://A.example/B",
    "see www.a.example/x.": "www.a.example/x",
    "WWW.a.example": "WWW.a.example",
    "http://localhost:8080/": "http://localhost:8080/",
    "http://[::1]:80/a": "http://[::1]:80/a",
    "mail bob.b+c@a.example, please": "bob.b+c@a.example",
    "https://de.example/wiki/Köln": "https://de.example/wiki/Köln",
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(shown(text), [expected]);
  assert.equal(links("HTTPS://A.example/B")[0].href, "https://a.example/B");
  assert.equal(links("www.a.example")[0].href, "https://www.a.example/");
  assert.equal(links("bob@a.example")[0].href, "mailto:bob@a.example");
  for (const text of ["a.example", "awww.b", "bob@home", "@bob", "https://", "javascript:a"]) {
    assert.deepEqual(shown(text), [], text);
  }
});

test("a link ends where the address does", () => {
  const cases = {
    "https://en.example/wiki/Mercury_(planet)": "https://en.example/wiki/Mercury_(planet)",
    "(see https://a.example/b)": "https://a.example/b",
    "(see https://a.example/Mercury_(planet)).": "https://a.example/Mercury_(planet)",
    "[https://a.example/b?c[]=1]": "https://a.example/b?c[]=1",
    "https://a.example/b, and": "https://a.example/b",
    "“https://a.example/b”": "https://a.example/b",
    "看https://a.example/b这个": "https://a.example/b",
    "看https://a.example这个": "https://a.example",
    "看www.a.example这个": "www.a.example",
    "写信给a@b.example吧": "a@b.example",
    "（https://a.example/b）。": "https://a.example/b",
    "https://a.example/b입니다": "https://a.example/b",
    "https://例子.中国/a这个": "https://例子.中国/a",
    "见https://例子.中国。谢谢": "https://例子.中国",
    "（https://例子.中国）。": "https://例子.中国",
    "《https://例子.中国》〉・々": "https://例子.中国",
    "https://例子.中国、见": "https://例子.中国",
  };
  assert.deepEqual(shown("https://例子.中国、https://b.example/"),
    ["https://例子.中国", "https://b.example/"]);
  for (const [text, expected] of Object.entries(cases)) {
    assert.deepEqual(shown(text), [expected], text);
    assert.equal(linksIn(text).map((piece) => piece.shown ?? piece).join(""), text);
  }
});

test("what a link shows is where it leads", () => {
  for (const text of [
    "https://google.com@evil.example/", "https://google.com:80@evil.example",
    "www.google.com@evil.example", "https://@evil.example", "https://bob:x@evil.example/",
  ]) assert.deepEqual(shown(text), [], text);
  const invisible = ["\u202e", "\u200b", "\u2066", "\u00ad", "\u034f", "\u3164", "\ufe0f", "\u{e0041}"];
  for (const mark of invisible) {
    assert.deepEqual(shown(`https://a.example/b${mark}c`), ["https://a.example/b"], mark);
    assert.deepEqual(shown(`https://a${mark}b.example/`), ["https://a"], mark);
  }
  const hosts = {
    "https://gооgle.com/x": /^https:\/\/xn--[^/]*\.com\/x$/,
    "https://аррӏе.com": /^https:\/\/xn--/,
    "https://google.com\u2044evil.example": /^https:\/\/google\.com$/,
    "https://例子a.example/": /^https:\/\/xn--/,
    "https://אב.example/ג": /^https:\/\/xn--/,
    "https://ｇoogle.com": /^https:\/\/google\.com$/,
    "http://1249763844/": /^http:\/\/74\.125\./,
    "http://0x7f.1/": /^http:\/\/127\.0\.0\.1/,
    "https://go\u0336ogle.com/": /^https:\/\/xn--/,
    "https://müller.example/": /^https:\/\/müller\.example\/$/,
    "https://пример.рф/": /^https:\/\/пример\.рф\/$/,
    "https://例子.com/": /^https:\/\/例子\.com\/$/,
  };
  for (const [text, expected] of Object.entries(hosts)) {
    const [link] = links(text);
    assert.match(link?.shown ?? "", expected, text);
    assert.equal(new URL(link.shown).href, link.href, text);
  }
});

test("nothing is cut within what a person sees as one character", () => {
  assert.equal(clip("a😀b", 2), "a😀");
  assert.equal(clip("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 1), "👨‍👩‍👧‍👦");
  assert.equal(clip("e\u0301e\u0301", 1), "e\u0301");
  assert.equal(clipStart("a😀🇩🇪", 2), "😀🇩🇪");
  assert.equal(clipStart("ab", 5), "ab");
});

test("a long text is sent as several, cut between lines, words or characters", () => {
  const check = (text, max) => {
    const parts = partsOf(text, max);
    for (const part of parts) assert.ok(bytesOf(part) <= max && part, part);
    assert.equal(parts.join("").replace(/\s/g, ""), text.replace(/\s/g, ""));
    return parts;
  };
  assert.deepEqual(check("short", 8_000), ["short"]);
  const lines = Array.from({ length: 1_000 }, (_, i) => `  line ${i}`).join("\n");
  for (const part of check(lines, 8_000)) assert.match(part, /^  line \d+[^]*\d$/);
  assert.equal(check(lines, 8_000).join("\n"), lines);
  const words = "word ".repeat(2_000).trim();
  assert.equal(check(words, 8_000).join(" "), words);
  assert.deepEqual(check("x".repeat(9_500), 8_000).map(({ length }) => length), [8_000, 1_500]);
  assert.equal(check("你好世界".repeat(900), 8_000).length, 2);
  const families = "👨‍👩‍👧‍👦".repeat(400);
  for (const part of check(families, 8_000)) assert.match(part, /^(👨‍👩‍👧‍👦)+$/u);
  check("e" + "\u0301".repeat(9_000), 8_000);
  check("\n".repeat(9_000) + "x", 8_000);
});
