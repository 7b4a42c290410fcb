// The page of p2sp: a client like any other, with the protocol of PROTOCOL.md over a WebSocket.
//
//   person ─ list, search, talk, panels ─ world ─ session ─ link ─ server
//                                           └── keep (what the browser stores)
//
// `session` has the state of the conversation with the server and knows no socket. `world` has all
// that the page knows, and knows no element. The views read the world, and are drawn again when it
// has changed.

import { Administration } from "./admin.js";
import { h, translate } from "./dom.js";
import { Entrance } from "./entrance.js";
import { Keep } from "./keep.js";
import { Link } from "./link.js";
import { List } from "./list.js";
import {
  Panel, accountPanel, addPanel, bringInForm, friendPanel, groupPanel,
} from "./panels.js";
import { isSure } from "./question.js";
import { Search } from "./search.js";
import { Session } from "./session.js";
import { Talk } from "./talk.js";
import { currentLang, say, setLang } from "./words.js";
import { World } from "./world.js";

/** How often the page asks who is online in groups while it is visible. The server tells it of
 *  friends. */
const GROUPS_MS = 600_000;
/** How long an answer's text is shown, and how much longer for each of its characters. */
const TOAST_MS = 4_000;
const TOAST_CHARACTER_MS = 40;
/** How long drawing waits if the page is hidden and gets no animation frame. */
const HIDDEN_MS = 250;

const keep = new Keep();
setLang(keep.lang ?? navigator.language);

const session = new Session({
  signedIn: (welcome, isResumed) => world.begin(welcome, isResumed),
  pushed: (push, isNew) => world.take(push, isNew),
  caughtUp: () => draw(),
  ended,
  watched: (payload) => world.watched(payload),
  noticed: (message) => toast(message),
  keyChanged: (key) => keep.setKey(key, world.me ? undefined : stays()),
  changed: () => {
    link.wanted();
    draw();
  },
});
const world = new World(session, keep, { changed: () => draw() });
const link = new Link(new URL("ws", location.href.replace(/^http/, "ws")).href, session);
const panel = new Panel();
const entrance = new Entrance(session, speak);
const rooms = document.getElementById("rooms");
/** Whether this page is paused because the user signed in elsewhere. */
let isElsewhere = false;
let isDrawing = false;

/** Sends a request, shows the answer's text, and reads what has changed. A form shows a refusal by
 *  itself. */
const request = async (type, args, isForm) => {
  const answer = await session.ask(type, args);
  if (answer.message && (answer.ok || !isForm)) toast(answer.message, !answer.ok);
  if (answer.ok && world.me) await world.refresh();
  return answer;
};
const act = (type, args) => request(type, args, false);
const ask = (type, args) => request(type, args, true);
const administration = new Administration(world, act, panel);
const list = new List(world, {
  open: (conversation) => {
    search.leave();
    openTalk(conversation);
  },
  search: () => search.begin(),
  account: () => panel.open(() => accountPanel(world, { ask, speak, signOut })),
  add: () => panel.open(() => addPanel(world, {
    ask, open: openTalk, close: () => panel.close(),
  })),
  administer: () => administration.open(),
  act,
});
const search = new Search(world, {
  changed: () => draw(), openAt: openTalkAt, openFirst: () => list.openFirst(),
});
const talk = new Talk(world, {
  // As the browser's own button does.
  back: () => (history.state?.talk ? history.back() : world.show(null)),
  details: showDetails,
  fail: (text) => toast(text, true),
});
link.beforeConfirm = () => world.remember();

start();

function start() {
  session.restoreKey(keep.key);
  link.start();
  addEventListener("popstate", () => {
    if (!history.state?.talk) world.show(null);
  });
  const look = () => {
    if (!document.hidden && session.phase === "open" && world.me) world.refresh();
  };
  setInterval(look, GROUPS_MS);
  document.addEventListener("visibilitychange", look);
  // An unsent text is there again when the page comes back.
  addEventListener("pagehide", () => world.remember());
  document.addEventListener("visibilitychange", () => document.hidden && world.remember());
  if (!keep.key) entrance.expect(keep.memory?.name ?? "");
  const useHere = document.querySelector("#rest button");
  useHere.addEventListener("click", () => location.reload());
  speak(currentLang(), false);
}

/** Changes the language, here and for the server's texts. */
function speak(tag, isChosen = true) {
  const lang = setLang(tag);
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  if (isChosen) {
    keep.lang = lang;
    if (world.me) session.ask("lang", { lang });
  }
  translate(document);
  entrance.render();
  panel.render();
  draw();
}

function stays() {
  return entrance.stay || keep.isStaying;
}

async function signOut() {
  const count = world.unsent;
  const isMeant = !count || await isSure(say("sign_out"), say("sure_sign_out", { count }));
  if (!isMeant) return;
  panel.close();
  if (session.phase === "open") return session.ask("logout");
  // The server cannot be told, but what this browser stores is removed all the same.
  session.leave();
  location.reload();
}

/** The session has ended. */
function ended(event, message) {
  document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
  isElsewhere = keep.isResting = event === "signed_in_elsewhere";
  const name = event === "logout" ? "" : world.me?.name ?? keep.memory?.name ?? "";
  if (event === "logout") keep.forget();
  else world.remember();
  if (isElsewhere) return draw();
  keep.dropKey();
  entrance.expect(name);
  world.end();
  search.leave();
  if (history.state?.talk) history.replaceState(null, "");
  const why = { logout: say("signed_out"), bad_key: say("key_ended") };
  entrance.explain(why[event] ?? message);
  draw();
}

// Either a conversation is open or, on a small screen, the list: the browser's Back leads there.

function openTalk(conversation) {
  enterTalk();
  // If it is open already, typing goes on.
  if (conversation === world.open) talk.focus();
  world.show(conversation);
}

function openTalkAt(conversation, seq) {
  enterTalk();
  world.showAt(conversation, seq);
}

function enterTalk() {
  if (!history.state?.talk) history.pushState({ talk: true }, "");
}

function showDetails(conversation) {
  const close = () => panel.close();
  if (conversation.kind === "user") {
    return panel.open(() => friendPanel(world, conversation, { act, close }));
  }
  let members = null;
  const reload = async () => {
    members = await world.members(conversation) ?? [];
    panel.render();
  };
  let form = null;
  panel.open(() => {
    const isInOtherWords = form?.lang !== document.documentElement.lang;
    if (isInOtherWords) form = bringInForm(conversation, { ask, reload });
    return groupPanel(world, conversation, members, form, { act, close, reload });
  });
  reload();
}

// Drawing: once for all changes that come together.

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  const go = () => {
    if (isDrawing) drawNow();
    isDrawing = false;
  };
  requestAnimationFrame(go);
  setTimeout(go, HIDDEN_MS);
}

function drawNow() {
  const isInside = world.me !== null || session.isSignedIn;
  entrance.show(!isInside);
  if (!isInside) entrance.render();
  rooms.hidden = !isInside || isElsewhere;
  document.getElementById("rest").hidden = !isElsewhere;
  rooms.dataset.view = world.open ? "talk" : "list";
  rooms.querySelector(".choose").hidden = world.open !== null;
  drawConnection();
  search.render();
  list.render(search.isFinding);
  talk.render();
  if (isElsewhere) document.querySelector("#rest button").focus();
  document.title = world.unread ? `(${world.unread}) p2sp` : "p2sp";
}

function drawConnection() {
  const bar = rooms.querySelector(".connection");
  const words = session.phase !== "open" ? (world.me ? "connection_lost" : "connecting")
    : session.stream.caughtUp ? null : "catching_up";
  const mark = `${words} ${currentLang()}`;
  bar.hidden = !words;
  if (!words || bar.dataset.mark === mark) return;
  bar.dataset.mark = mark;
  bar.replaceChildren(h("span", {}, say(words)),
    session.phase === "open" ? "" : h(
      "button", { type: "button", onclick: () => link.wake() }, say("try_now")));
}

/** Shows a text above everything, dialogs included, until the next text or for a while. */
function toast(text, isBad = false) {
  const toasts = document.getElementById("toasts");
  const note = h("p", { class: isBad ? "bad" : "" }, text);
  toasts.replaceChildren(note);
  toasts.hidePopover();
  toasts.showPopover();
  setTimeout(() => {
    if (note.isConnected) toasts.hidePopover();
  }, TOAST_MS + text.length * TOAST_CHARACTER_MS);
}
