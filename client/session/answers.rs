//! What follows from an answer: who is signed in, what is asked next, which names are known.

use std::time::Duration;

use p2sp::locale::Lang;
use p2sp::locale::client::Text;
use p2sp::wire::command::GroupList;
use p2sp::wire::{Code, MessageType};
use serde_json::Value;

use super::super::numbers::Numbers;
use super::super::requests::{Args, Purpose, Request};
use super::super::roster::Roster;
use super::super::show::{self, Item};
use super::{Identity, Phase, Session, Step};

impl Session {
    /// An answer has come.
    pub(super) fn answer(&mut self, message: Value) -> Step {
        let payload = &message["payload"];
        let request = payload["re"].as_i64().and_then(|id| self.requests.answered(id));
        let Some(request) = request else {
            // About the connection itself, or about a confirmation.
            let (text, code) = (show::text(payload, "message"), show::text(payload, "code"));
            if code == Code::TlsRequired.name() {
                // However often it is asked.
                self.fail_all();
                self.unreachable = Some(text.to_owned());
                return Step::Drop(Duration::ZERO);
            }
            if show::status(payload) >= 400 {
                self.refuse_saying(text, code);
            }
            return Step::GoOn;
        };
        if request.kind == MessageType::Resume {
            return self.resumed(payload);
        }
        if request.kind == MessageType::Ack {
            self.stream.prove(request.args["seq"].as_i64().unwrap_or(0));
        }
        if show::status(payload) >= 400 {
            self.refused_by_server(request, message);
            return Step::GoOn;
        }
        let payload = payload.clone();
        if request.purpose == Purpose::Command {
            self.items.push(Item::Message(message));
        }
        self.done(request, &payload);
        Step::GoOn
    }

    fn refused_by_server(&mut self, request: Request, message: Value) {
        let payload = &message["payload"];
        let code = show::text(payload, "code");
        if request.purpose == Purpose::Upkeep {
            return;
        }
        if request.was_done(code) {
            self.items.push(Item::Notice(show::text(payload, "message").to_owned()));
            return;
        }
        self.refused = true;
        if [Code::InviteRequired.name(), Code::BadInvite.name()].contains(&code) {
            self.uninvited = Some(request.args);
        }
        self.items.push(Item::Message(message));
    }

    /// What follows from a yes.
    fn done(&mut self, mut request: Request, payload: &Value) {
        self.roster.answered(&request, payload);
        match request.kind {
            MessageType::Reg => {
                request.args.retain(|name, _| matches!(name.as_str(), "username" | "password"));
                self.ask(MessageType::Login, request.args, Purpose::Command);
            }
            MessageType::Login => {
                self.numbers = Numbers::default();
                self.signed_in(payload);
                if self.completes_names {
                    self.ask(MessageType::Friends, Args::new(), Purpose::Numbers);
                    self.ask(MessageType::Groups, Args::new(), Purpose::Numbers);
                }
            }
            MessageType::Whoami => {
                // It may have changed since the sign-in.
                let is_admin = payload["data"]["is_admin"] == true;
                self.identity.iter_mut().for_each(|identity| identity.is_admin = is_admin);
            }
            MessageType::Logout => self.sign_out(),
            MessageType::Passwd => {
                let new_key = payload["data"]["auth_token"].as_str();
                if let (Some(identity), Some(new_key)) = (&mut self.identity, new_key) {
                    identity.key = new_key.to_owned();
                }
            }
            MessageType::Lang => {
                let tag = request.args.get("lang").and_then(Value::as_str);
                self.lang = tag.map_or(self.lang, Lang::from_tag);
            }
            MessageType::Newgroup | MessageType::Delgroup | MessageType::Leavegroup => {
                self.numbers.groups_changed();
            }
            _ => self.next_page(request, &payload["data"]),
        }
    }

    /// Keeps the numbers that a page gives, and asks for the page behind it.
    fn next_page(&mut self, mut request: Request, data: &Value) {
        if let Some(list) = GroupList::of(request.kind) {
            let first = !request.args.contains_key("after");
            let shown = request.purpose == Purpose::Command;
            self.numbers.page(list, data, first, shown);
        }
        let next = &data["next"];
        // The same page again would never end.
        if !next.is_null() && request.args.get("after") != Some(next) {
            request.args.insert("after".to_owned(), next.clone());
            self.ask(request.kind, request.args, request.purpose);
        }
    }

    fn resumed(&mut self, payload: &Value) -> Step {
        if show::status(payload) < 400 {
            self.signed_in(payload);
            self.phase = Phase::Open;
            if std::mem::take(&mut self.lost) {
                self.notice(Text::ConnectionBack);
            }
            self.send();
            return Step::GoOn;
        }
        let code = show::text(payload, "code");
        match Code::from_name(code) {
            Some(Code::BadKey) => self.refuse(Text::SignInAgain, code),
            Some(Code::UserBlocked) => self.refuse_saying(show::text(payload, "message"), code),
            // It will pass: the key is still good.
            _ => {
                let seconds = payload["data"]["retry_after"].as_u64().unwrap_or(0);
                return Step::Drop(Duration::from_secs(seconds));
            }
        }
        self.sign_out();
        self.fail_all();
        self.phase = Phase::Open;
        Step::GoOn
    }

    fn signed_in(&mut self, payload: &Value) {
        let given = show::text(payload, "auth_token");
        let kept = self.identity.take().map(|identity| identity.key).unwrap_or_default();
        let key = if given.is_empty() { kept } else { given.to_owned() };
        self.identity = Some(Identity { key, is_admin: payload["is_admin"] == true });
        let (user_id, cursor) = (payload["user_id"].as_i64(), payload["cursor"].as_i64());
        let epoch = show::text(payload, "epoch");
        self.stream.begin(user_id.unwrap_or(0), epoch, cursor.unwrap_or(0));
    }

    pub(super) fn sign_out(&mut self) {
        self.identity = None;
        self.numbers = Numbers::default();
        self.roster = Roster::default();
        self.lost = false;
    }
}
