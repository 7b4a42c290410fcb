// The door: sign in, register, and why one stands here again.
//
// A password stays in its field and in the request under way, nowhere else.

import { h, translate } from "./dom.js";
import { LANGS, currentLang, say } from "./words.js";

export class Entrance {
  #root = document.getElementById("entrance");
  #form = this.#root.querySelector("form");
  #why = this.#root.querySelector(".why");
  #session;
  #isNew = false;
  #needsInvite = false;
  #isBusy = false;
  /** Ticked for this sign-in. */
  stay = false;

  /** `speak(tag)` changes the language of the page. */
  constructor(session, speak) {
    this.#session = session;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#root.querySelector("[data-switch]").addEventListener("click", () => {
      this.#isNew = !this.#isNew;
      this.explain("");
      this.render();
      this.#form.username.focus();
    });
    this.#root.querySelector(".langs").append(...langButtons(speak));
  }

  show(isShown) {
    if (isShown && this.#root.hidden) {
      this.#root.hidden = false;
      (this.#form.username.value ? this.#form.password : this.#form.username).focus();
    }
    this.#root.hidden = !isShown;
  }

  /** The one who was here last needs only the password; empty: nobody in particular. */
  expect(name) {
    this.#form.reset();
    this.#form.username.value = name;
  }

  /** Says something above the fields; empty: nothing. */
  explain(text) {
    this.#why.textContent = text;
    this.#why.hidden = !text;
  }

  render() {
    translate(this.#root);
    const [form, isNew] = [this.#form, this.#isNew];
    for (const field of form.querySelectorAll("[data-register]")) field.hidden = !isNew;
    form.querySelector("[data-invite]").hidden = !isNew || !this.#needsInvite;
    form.password.autocomplete = isNew ? "new-password" : "current-password";
    const submit = form.querySelector("[type=submit]");
    const busy = this.#session.phase === "open" ? "one_moment" : "connecting";
    submit.textContent = say(this.#isBusy ? busy : isNew ? "register" : "sign_in");
    submit.disabled = this.#isBusy;
    form.querySelector("[data-switch]").textContent = say(isNew ? "known_here" : "new_here");
    markLang(this.#root);
  }

  async #submit() {
    const { username, password, again, invite, stay } = this.#form;
    const name = username.value.trim();
    if (this.#isBusy) return;
    if (!name) return username.focus();
    if (!password.value) return password.focus();
    if (this.#isNew && password.value !== again.value) {
      return this.#refuse(say("passwords_differ"), again);
    }
    this.stay = stay.checked;
    this.#busy(true);
    const answer = await this.#enter(name, password.value, invite.value.trim());
    this.#busy(false);
    if (answer.ok) {
      this.#form.reset();
      this.#isNew = this.#needsInvite = false;
      return this.render();
    }
    if (answer.code === "invite_required" || answer.code === "bad_invite") {
      this.#needsInvite = true;
      this.render();
      const isWrong = answer.code === "bad_invite";
      return this.#refuse(say(isWrong ? "bad_invite" : "invite_why"), invite);
    }
    this.#refuse(answer.message || say("no_answer"), password);
  }

  async #enter(username, password, invite) {
    if (this.#isNew) {
      const args = { username, password, invite: invite || undefined };
      const registered = await this.#session.ask("reg", args);
      if (!registered.ok) return registered;
      // Whatever becomes of the sign-in, the name is taken now.
      this.#isNew = false;
    }
    return this.#session.ask("login", { username, password });
  }

  #busy(isBusy) {
    this.#isBusy = isBusy;
    if (isBusy) this.explain("");
    this.render();
  }

  #refuse(text, field) {
    this.explain(text);
    field.focus();
    field.select();
  }
}

/** A button for each language. */
export function langButtons(speak) {
  return LANGS.map(([tag, name]) => h(
    "button", { type: "button", "data-lang": tag, lang: tag, onclick: () => speak(tag) }, name));
}

/** Shows which of them is spoken. */
export function markLang(root) {
  for (const button of root.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === currentLang()));
  }
}
