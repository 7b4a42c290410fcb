// The administrator's panel: all users, all groups, a message to everyone, and figures of the server.

import { avatar, h, peer, saying, whenOf } from "./dom.js";
import { smallForm } from "./panels.js";
import { sureButton } from "./question.js";
import { FIGURES, currentLang, say } from "./words.js";

/** Rows that are drawn; the others are found by their name. */
const ROWS_MAX = 200;
const TABS = ["users", "groups", "to_everyone", "acts", "figures"];

export class Administration {
  #world;
  #ask;
  #panel;
  #tab = "users";
  #filter = "";
  #isOnlyOnline = false;
  /** The user or group that is being written to: `{args, name}`. */
  #addressee = null;
  #rows = null;

  /** `ask(type, args)` asks and says what came of it. */
  constructor(world, ask, panel) {
    this.#world = world;
    this.#ask = ask;
    this.#panel = panel;
  }

  open() {
    // Rows that were read before are old, and perhaps another user's.
    this.#rows = this.#addressee = null;
    this.#panel.open(() => this.#make(), "large");
    this.#turn(this.#tab);
  }

  #make() {
    const tabs = h("div", { class: "tabs", role: "tablist" }, TABS.map((tab) => h("button", {
      type: "button", role: "tab", "aria-selected": String(tab === this.#tab),
      onclick: () => this.#turn(tab),
    }, say(tab))));
    const make = {
      users: () => this.#users(), groups: () => this.#groups(),
      to_everyone: () => [this.#toEveryone()], acts: () => this.#acts(),
      figures: () => this.#figures(),
    }[this.#tab];
    return [say("administration"), tabs, ...(this.#addressee ? [this.#toOne()] : make())];
  }

  #turn(tab) {
    if (tab !== this.#tab) this.#filter = "";
    this.#tab = tab;
    this.#addressee = null;
    this.#rows = null;
    this.#panel.render();
    this.#read();
  }

  async #read() {
    const tab = this.#tab;
    const rows = tab === "users"
      ? await this.#world.list("allusers", "users", { online: this.#isOnlyOnline })
      : tab === "groups" ? await this.#world.list("allgroup", "groups")
        : tab === "acts" ? (await this.#world.ask("audit", {})).data.acts
          : tab === "figures" ? figuresOf((await this.#world.ask("stats", {})).data) : null;
    if (tab !== this.#tab) return;
    this.#rows = rows;
    if (!this.#addressee) this.#panel.render();
  }

  /** Asks, and reads the list anew. */
  async #change(type, args) {
    if ((await this.#ask(type, args)).ok) this.#read();
  }

  #users() {
    const only = h("input", {
      type: "checkbox", checked: this.#isOnlyOnline,
      onchange: (event) => {
        this.#isOnlyOnline = event.target.checked;
        this.#read();
      },
    });
    const list = h("ul", { class: "people" });
    return [
      this.#filtering("find_user", list, (row) => row.username, (row) => this.#user(row)),
      h("label", { class: "check" }, only, h("span", {}, say("only_online"))),
      list,
    ];
  }

  #user({ username, online, blocked, is_admin: isAdmin }) {
    const face = avatar(username, "user");
    face.classList.toggle("online", online);
    const args = { username };
    return h("li", {}, face,
      h("span", { class: "title" }, peer(username), isAdmin ? tag("administrator") : null,
        blocked ? tag("blocked") : null),
      h("span", { class: "acts" },
        h("button", { type: "button", onclick: () => this.#write(args, username) }, say("message")),
        isAdmin ? null
          : blocked ? h("button", {
            type: "button", onclick: () => this.#change("unblockuser", args),
          }, say("unblock"))
            : sureButton(say("block"), () => saying("sure_block_user", { who: username }),
              () => this.#change("blockuser", args))));
  }

  #groups() {
    const list = h("ul", { class: "people" });
    return [
      this.#filtering("find_group", list, (row) => `${row.groupname} ${row.creator}`,
        (row) => this.#group(row)),
      list,
    ];
  }

  #group({ groupname, creator, group_id: id, online, total, blocked }) {
    const args = id === undefined ? { groupname, creator } : { group_id: id };
    return h("li", {}, avatar(groupname, "group"),
      h("span", { class: "title" }, peer(groupname), " ",
        h("small", { class: "muted" }, peer(creator), ` · ${say("online_of", { online, total })}`),
        blocked ? tag("blocked") : null),
      h("span", { class: "acts" },
        h("button", { type: "button", onclick: () => this.#write(args, groupname) }, say("message")),
        blocked ? h("button", {
          type: "button", onclick: () => this.#change("unblockgroup", args),
        }, say("unblock"))
          : sureButton(say("block"), () => saying("sure_block_group", { group: groupname }),
            () => this.#change("blockgroup", args))));
  }

  /** The field that filters `list`, which it also fills. */
  #filtering(label, list, textOf, make) {
    const fill = () => {
      const wanted = this.#filter.trim().toLowerCase();
      const rows = (this.#rows ?? []).filter((row) => textOf(row).toLowerCase().includes(wanted));
      const note = !this.#rows ? "…" : !rows.length ? say("nothing_found")
        : rows.length > ROWS_MAX ? say("more_rows", { count: rows.length - ROWS_MAX }) : "";
      list.replaceChildren(...rows.slice(0, ROWS_MAX).map(make),
        ...(note ? [h("li", { class: "muted" }, note)] : []));
    };
    fill();
    return h("input", {
      type: "search", value: this.#filter, placeholder: say(label), "aria-label": say(label),
      oninput: (event) => {
        this.#filter = event.target.value;
        fill();
      },
    });
  }

  #write(args, name) {
    this.#addressee = { args, name };
    this.#panel.render();
  }

  #toOne() {
    const { args, name } = this.#addressee;
    return smallForm({
      title: saying("system_to", { who: name }),
      fields: [["message", say("message"), { multiline: true, autofocus: true }]],
      button: say("send"),
      submit: async ({ message }) => {
        const answer = await this.#ask(args.username ? "adminsend" : "adminsendgroup",
          { ...args, message });
        if (answer.ok) this.#turn(this.#tab);
        return answer;
      },
    });
  }

  #toEveryone() {
    return smallForm({
      fields: [["message", say("message"), { multiline: true }]],
      hint: say("broadcast_hint"),
      button: say("send"),
      submit: ({ message }) => this.#ask("broadcast", { message }),
    });
  }

  #acts() {
    const list = h("ul", { class: "people" });
    const textOf = ({ admin, act, about }) => `${admin ?? ""} ${act} ${about ?? ""}`;
    return [this.#filtering("find_act", list, textOf, (row) => this.#act(row)), list];
  }

  #act({ timestamp, admin, act, about, address }) {
    return h("li", {},
      h("span", { class: "title" }, admin ? peer(admin) : say("operator"), ` ${act} `,
        about ? peer(about) : null),
      h("small", { class: "muted" }, `${whenOf(timestamp, currentLang())} · ${address}`));
  }

  #figures() {
    return [
      h("table", {}, h("tbody", {}, (this.#rows ?? []).map(([name, figure]) => h("tr", {},
        h("th", { scope: "row" }, name), h("td", {}, figure.toLocaleString()))))),
      h("button", { type: "button", onclick: () => this.#turn("figures") }, say("refresh")),
    ];
  }
}

/** The figures of an answer to `stats`, as rows of a name and a number. */
function figuresOf(data) {
  return FIGURES.flatMap((name) => {
    const [label, figure] = [say(`figure_${name}`), data[name] ?? {}];
    if (Number.isInteger(figure)) return [[label, figure]];
    // Counts by reason.
    return Object.entries(figure).map(([reason, count]) => [`${label}: ${reason}`, count]);
  });
}

function tag(key) {
  return h("span", { class: `tag ${key}` }, say(key));
}
