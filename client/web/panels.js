// The panels that open above the page: the account, a new contact, a friend, a group. There is one
// dialog with one panel at a time; the browser keeps the focus inside, and Escape closes it.

import { avatar, h, icon, peer, saying } from "./dom.js";
import { langButtons, markLang } from "./entrance.js";
import { sureButton } from "./question.js";
import { say } from "./words.js";

/** The dialog, with the panel that is in it. */
export class Panel {
  #dialog = document.getElementById("panel");
  #make = null;

  constructor() {
    this.#dialog.addEventListener("close", () => (this.#make = null));
    // A press outside closes it.
    this.#dialog.addEventListener("mousedown", (event) => {
      if (event.target === this.#dialog) this.close();
    });
  }

  /** `make` returns `[title, ...elements]`; it is called again when the language changes. */
  open(make, kind = "") {
    this.#make = make;
    this.#dialog.className = kind;
    this.render();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  render() {
    if (!this.#make) return;
    const [title, ...body] = this.#make();
    const close = h("button", {
      type: "button", class: "round", "aria-label": say("close"), title: say("close"),
      onclick: () => this.close(),
    }, icon("close"));
    const focused = document.activeElement;
    this.#dialog.setAttribute("aria-labelledby", "panel-title");
    this.#dialog.replaceChildren(
      h("header", { class: "bar" }, h("h2", { id: "panel-title" }, title), close),
      h("div", { class: "body" }, body));
    // A field that stays while the elements around it are made again keeps the focus.
    if (this.#dialog.contains(focused)) focused.focus();
  }
}

/**
 * A small form: fields, a button, and a line for an error. `fields` are
 * `[name, label, attributes]`; `submit(values, fail)` is a promise of an answer or null.
 */
export function smallForm({ title, hint, fields, button, submit }) {
  const why = h("p", { class: "why", role: "alert", hidden: true });
  const inputs = fields.map(([name, label, { multiline, ...attributes } = {}]) => h(
    "label", {}, h("span", {}, label),
    h(multiline ? "textarea" : "input", {
      name, required: true, autocomplete: "off", rows: multiline ? 4 : undefined, ...attributes,
    })));
  const press = h("button", { type: "submit", class: "primary" }, button);
  const explain = (text) => {
    why.textContent = text;
    why.hidden = !text;
  };
  const form = h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      explain("");
      const values = Object.fromEntries(new FormData(form));
      press.disabled = true;
      const answer = await submit(values, explain);
      press.disabled = false;
      if (answer?.ok) form.reset();
      else if (answer) explain(answer.message || say("no_answer"));
    },
  }, title ? h("h3", {}, title) : null, inputs, hint ? h("p", { class: "hint muted" }, hint) : null,
  why, press);
  return form;
}

const NAME = { autocapitalize: "none", spellcheck: "false" };

/** Language, password, sign out. `actions`: `ask`, `speak`, `signOut`. */
export function accountPanel(world, actions) {
  const langs = h("div", { class: "langs" }, langButtons(actions.speak));
  markLang(langs);
  const secret = (autocomplete) => ({ type: "password", autocomplete });
  return [
    peer(world.me.name),
    h("h3", {}, say("language")), langs,
    smallForm({
      title: say("change_password"),
      fields: [
        ["old", say("old_password"), secret("current-password")],
        ["fresh", say("new_password"), secret("new-password")],
        ["again", say("password_again"), secret("new-password")],
      ],
      hint: say("password_hint"),
      button: say("change"),
      submit: async ({ old, fresh, again }, explain) => {
        if (fresh !== again) return explain(say("passwords_differ"));
        const answer = await actions.ask("passwd", { password: old, newpassword: fresh });
        if (answer.code === "no_answer") answer.message = say("password_unknown");
        return answer;
      },
    }),
    h("button", { type: "button", class: "wide", onclick: actions.signOut }, say("sign_out")),
  ];
}

/** A friend or a group. `actions`: `ask`, `open`, `close`. */
export function addPanel(world, { ask, open, close }) {
  return [
    say("add_new"),
    smallForm({
      title: say("add_friend"),
      fields: [["username", say("username"), NAME]],
      hint: say("add_friend_hint"),
      button: say("add"),
      submit: async ({ username }) => {
        const answer = await ask("add", { username: username.trim() });
        if (answer.ok) close();
        return answer;
      },
    }),
    smallForm({
      title: say("create_group"),
      fields: [["groupname", say("group_name")]],
      button: say("create"),
      submit: async ({ groupname }) => {
        const answer = await ask("newgroup", { groupname: groupname.trim() });
        if (!answer.ok) return answer;
        close();
        // The server may write the name in another way, so it is looked for in that form.
        const own = [...world.groups.values()].filter(({ creator }) => creator === world.me.name);
        const made = own.find((group) => group.groupname === groupname.trim());
        if (made) open(world.conversation("group", made.groupname, made.creator, made.group_id));
        return answer;
      },
    }),
  ];
}

/** One friend. */
export function friendPanel(world, { name }, { act, close }) {
  const friend = world.friends.get(name);
  const face = avatar(name, "user");
  face.classList.toggle("online", friend?.online === true);
  return [
    peer(name),
    h("p", { class: "person" }, face, say(friend?.online ? "online" : "offline")),
    friend ? sureButton(say("end_friendship"), () => saying("sure_end_friendship", { who: name }),
      async () => {
        if ((await act("del", { username: name })).ok) close();
      }) : h("p", { class: "muted" }, saying("not_friends", { who: name })),
  ];
}

/** The form to add a user to an own group. It is made once for each language, because the list
 *  above it is read again while the user types. */
export function bringInForm({ address }, { ask, reload }) {
  const form = smallForm({
    fields: [["username", say("bring_in"), NAME]],
    button: say("add"),
    submit: async ({ username }) => {
      const answer = await ask("addgroupuser", { ...address, username: username.trim() });
      if (answer.ok) reload();
      return answer;
    },
  });
  form.lang = document.documentElement.lang;
  return form;
}

/** One group and its members; `members` is null until they are read. `form` adds more. */
export function groupPanel(world, conversation, members, form, { act, close, reload }) {
  const { name, creator, address } = conversation;
  const isOwner = creator === world.me.name;
  const known = world.groups.get(conversation.key);
  const change = async (type, args, after) => {
    if ((await act(type, args)).ok) after();
  };
  const leave = isOwner
    ? sureButton(say("delete_group"),
      () => saying("sure_delete_group", { group: name, count: known.total }),
      () => change("delgroup", address, close))
    : sureButton(say("leave_group"),
      () => saying("sure_leave_group", { group: name, who: creator }),
      () => change("leavegroup", address, close));
  return [
    [peer(name), h("small", { class: "muted" }, " ", peer(creator))],
    h("h3", {}, say("members")),
    h("ul", { class: "people" }, (members ?? []).map(({ username, online }) => {
      const face = avatar(username, "user");
      face.classList.toggle("online", online);
      return h("li", {}, face,
        h("span", { class: "title" }, peer(username)),
        h("span", { class: "muted" }, [
          username === creator ? say("owner") : "", username === world.me.name ? say("you") : "",
        ].filter(Boolean).join(" · ")),
        isOwner && username !== creator ? sureButton(say("remove"),
          () => saying("sure_remove", { who: username, group: name }),
          () => change("delgroupuser", { ...address, username }, reload)) : null);
    })),
    members ? null : h("p", { class: "muted" }, "…"),
    isOwner ? form : null,
    known ? leave : h("p", { class: "muted" }, say("group_ended")),
  ];
}
