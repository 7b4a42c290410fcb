// The question in front of what cannot be undone. It names what will be gone, and the press that
// brought it up cannot answer it: not by its second half, nor by a key that is still held down.

import { h } from "./dom.js";
import { say } from "./words.js";

/** A press so soon after the question came up was not meant for it. */
export const TOO_SOON_MS = 700;

/** A button that asks first. `text()` says what will be gone. */
export function sureButton(label, text, act) {
  const press = async () => {
    if (await isSure(label, text())) act();
  };
  return h("button", { type: "button", class: "danger", onclick: press }, label);
}

/** Asks whether to do it; anything but the button that says what is done means no. */
export function isSure(title, text) {
  const dialog = document.getElementById("question");
  const since = performance.now();
  const answering = (answer) => (event) => {
    const isPress = event.detail < 2 && performance.now() - since > TOO_SOON_MS;
    if (isPress || (event.detail === 0 && !answer)) dialog.close(answer);
  };
  const no = h("button", { type: "button", onclick: answering("") }, say("cancel"));
  const yes = h("button", { type: "button", class: "danger", onclick: answering("yes") }, title);
  dialog.replaceChildren(h("div", { class: "body" },
    h("h2", { id: "question-title" }, title),
    h("p", { id: "question-text" }, text),
    h("div", { class: "answers" }, no, yes)));
  dialog.returnValue = "";
  dialog.showModal();
  no.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.replaceChildren();
      resolve(dialog.returnValue === "yes");
    }, { once: true });
  });
}
