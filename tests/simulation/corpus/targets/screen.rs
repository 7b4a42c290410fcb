//! The screen of the stdin client (P28): no character of a peer's that moves, hides or turns
//! text reaches it, and no peer's text starts a line.
//!
//! ```text
//! peer's text ─► the server's words ─► push or answer ─► client/session ─► lines ─► oracle
//!                       └─ or anything at all, from a server that lies ─┘
//! ```
//!
//! The client's conversation runs without its sockets. What it sends must be whole frames. The
//! lines are looked at as a script gets them, and as a narrow terminal shows them.

#[allow(dead_code)] // the client's shell uses the rest
#[path = "../../../../client/numbers.rs"]
mod numbers;
#[allow(dead_code)]
#[path = "../../../../client/requests.rs"]
mod requests;
#[allow(dead_code)]
#[path = "../../../../client/roster.rs"]
mod roster;
#[allow(dead_code, clippy::module_inception)]
#[path = "../../../../client/screen.rs"]
mod screen;
#[allow(dead_code)]
#[path = "../../../../client/session/mod.rs"]
mod session;
#[path = "../../../../client/show.rs"]
mod show;
#[path = "../../../../client/stream.rs"]
mod stream;
#[path = "../../../../client/tables.rs"]
mod tables;

use jiff::tz::TimeZone;
use p2sp::id::{GroupId, Seq};
use p2sp::locale::reply::{GroupLine, Reply, UserLine, history_line};
use p2sp::locale::{self, Lang};
use p2sp::names::Name;
use p2sp::wire::command::offered;
use p2sp::wire::push::{Push, PushFrame};
use p2sp::wire::{Event, Notice, RequestId, RequestMessage, frame};
use serde_json::{Value, json};

use crate::worlds::choices::Choices;
use requests::{Args, Purpose};
use screen::Screen;
use session::{Session, Step};

/// Whether a character shows as nothing, or changes how others are shown: Unicode's `Cc`, `Cf`
/// but for signs that enclose digits, `Zl`, `Zp` and `Default_Ignorable_Code_Point` but for
/// variation selectors, which choose among the shapes of the character before them.
pub fn shows_nothing(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180E
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE00FF | 0xE01F0..=0xE0FFF)
}

/// A conversation of which every turn is drawn from the bytes.
pub fn run(bytes: &[u8]) {
    let choices = Choices::of_bytes(bytes);
    let lang = *choices.pick(&[Lang::En, Lang::Zh]);
    let session = Session::new(lang);
    let mut screen = Screen::person(false, false, false, TimeZone::UTC);
    screen.set_columns(COLUMNS);
    let mut stage = Stage { session, screen, choices, lang, asked: Vec::new(), pushed: 0 };
    stage.session.connected();
    while !stage.choices.are_spent() {
        stage.turn();
        stage.look_at_frames();
    }
}

/// A terminal as narrow as that makes of nearly every text more than one line.
const COLUMNS: usize = 24;

struct Stage {
    session: Session,
    screen: Screen,
    choices: Choices,
    lang: Lang,
    /// Requests that were sent and not answered.
    asked: Vec<i64>,
    /// The last seq that was pushed.
    pushed: i64,
}

impl Stage {
    fn turn(&mut self) {
        match self.choices.below(12) {
            0 => self.ask(),
            1 => self.upkeep(),
            2 => self.sign_in(),
            3 | 4 => self.push_of_a_peer(),
            5 => self.answer_with_words(),
            6 => self.lie(),
            _ => self.push_or_answer_anything(),
        }
    }

    /// The person types something.
    fn ask(&mut self) {
        let commands: Vec<_> = offered(true).collect();
        let Some(kind) = self.choices.pick(&commands).kind else { return };
        let purpose = *self.choices.pick(&[Purpose::Command, Purpose::Numbers]);
        let args = Args::from_iter([("username".to_owned(), self.text(8).into())]);
        self.session.ask(kind, args, purpose);
    }

    /// Connections come and go, time passes.
    fn upkeep(&mut self) {
        match self.choices.below(4) {
            0 if self.session.is_down() => self.session.connected(),
            0 => {
                self.session.cut();
                self.asked.clear();
            }
            1 => self.session.confirm(),
            2 => self.session.prove(),
            _ => drop(self.session.idle()),
        }
        self.look_at_lines(Lines::Indented);
    }

    fn sign_in(&mut self) {
        self.pushed = self.choices.below(4) as i64;
        let epoch = *self.choices.pick(&["one", "other"]);
        let answer = json!({
            "type": "login_success",
            "payload": {"re": self.asked_id(), "status": 200, "code": "ok", "auth_token": "key",
                        "is_admin": self.choices.chance(50), "user_id": 1, "epoch": epoch,
                        "username": self.name(), "cursor": self.pushed, "message": "Welcome"},
        });
        self.receive(answer, Lines::OneEach);
    }

    /// What a peer said, in the frame that the server makes of it.
    fn push_of_a_peer(&mut self) {
        let (from, group, message) = (self.name(), self.group_name(), self.text(40));
        let notice =
            Notice::by(*self.choices.pick(Event::ALL), &from).in_group(GroupId(7), &group, &from);
        let words = locale::notice::say(&notice, self.lang);
        let push = match self.choices.below(4) {
            0 => Push::notice(notice, words),
            1 => Push::Group {
                groupname: &group,
                creator: &from,
                group_id: 7,
                fromusername: &from,
                message: &message,
                system: self.choices.chance(50),
            },
            2 => Push::notice(Notice::by(Event::Admin, &from), message.as_str()),
            _ => Push::User {
                fromusername: &from,
                message: &message,
                system: self.choices.chance(50),
                tousername: None,
            },
        };
        let seq = self.pushed + 1;
        let mut pushed = PushFrame::new(&push, 0, Seq(seq));
        let frame = pushed.for_reader(Seq(self.pushed));
        assert_eq!(frame::frame_len(frame), Ok(Some(frame.len())));
        let payload = frame::payload(frame).expect("the checksum of all of it");
        let tree = serde_json::from_slice(payload).expect("JSON");
        self.pushed = seq;
        self.receive(tree, Lines::Indented);
    }

    /// An answer in the server's words about names and texts of peers: each has its line.
    fn answer_with_words(&mut self) {
        let (name, group) = (self.name(), self.group_name());
        let (username, yes) = (name.clone(), Some(true));
        let user =
            || UserLine { username: username.clone(), online: true, blocked: yes, is_admin: yes };
        let (reply, lines) = match self.choices.below(5) {
            0 => {
                let notice =
                    Notice::by(Event::GroupLeft, &name).in_group(GroupId(7), &group, &name);
                let words = locale::notice::say(&notice, self.lang);
                let said = history_line(Some(&name), &self.text(40));
                (Reply::History(vec![said, history_line(None, &words)]), 3)
            }
            1 => (Reply::Friends { friends: vec![user()], requests: vec![name.clone()] }, 4),
            2 => {
                let (number, group_id, online, total, blocked) = (1, 1, 1, 1, true);
                let (creator, groupname) = (name.clone(), group);
                let line =
                    GroupLine { number, groupname, creator, group_id, online, total, blocked };
                (Reply::Groups(vec![line]), 2)
            }
            3 => (Reply::Members { group, members: vec![user(), user()] }, 3),
            _ => (Reply::MemberAdded { group, name }, 1),
        };
        let words = reply.say(self.lang);
        assert_eq!(words.split('\n').count(), lines, "P28: {words:?}");
        let answer = json!({"type": "normalmsg", "payload":
            {"re": self.asked_id(), "status": 200, "code": "ok", "message": words}});
        self.receive(answer, Lines::OneEach);
    }

    /// A message of any content.
    fn push_or_answer_anything(&mut self) {
        let kinds = ["usersend", "groupsend", "sysmsg", "normalmsg", "login_success", "later"];
        let kind = *self.choices.pick(&kinds);
        let status = *self.choices.pick(&[403, 200]);
        let mut payload = json!({"status": status});
        for field in ["fromusername", "creator", "groupname", "message", "code", "event"] {
            if self.choices.chance(70) {
                payload[field] = self.text(12).into();
            }
        }
        if self.choices.chance(50) {
            payload["re"] = self.asked_id().into();
        }
        if self.choices.chance(70) {
            payload["prev"] = self.pushed.into();
            self.pushed += self.choices.below(3) as i64;
            payload["seq"] = self.pushed.into();
        }
        // The lines of an answer are the server's own.
        let is_answer = matches!(kind, "normalmsg" | "login_success") && status == 200;
        let lines = if is_answer { Lines::OneEach } else { Lines::Indented };
        self.receive(json!({"type": kind, "payload": payload}), lines);
    }

    /// No message at all, as a server sends it that is not ours.
    fn lie(&mut self) {
        let text = self.text(120);
        if let Ok(tree) = serde_json::from_str(&text) {
            self.receive(tree, Lines::OneEach);
        }
    }

    fn receive(&mut self, message: Value, lines: Lines) {
        let id = message["payload"]["re"].as_i64();
        self.asked.retain(|asked| Some(*asked) != id);
        if let Step::Drop(_) = self.session.received(message) {
            self.session.cut();
            self.asked.clear();
        }
        self.look_at_lines(lines);
    }

    // The oracle.

    fn look_at_lines(&mut self, lines: Lines) {
        for item in self.session.take_items() {
            let plain = item.plain(self.lang).unwrap_or_default();
            let shown = self.screen.show(item, self.lang);
            // The heading of a day is ours.
            let heading = shown.starts_with("── ").then(|| shown.split_once('\n')).flatten();
            let shown = heading.map_or(&*shown, |(_, said)| said);
            for printed in [&*plain, shown.trim_end_matches('\n')] {
                let selects = |c| matches!(c, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}');
                let hidden = |c: char| c != '\n' && (shows_nothing(c) || selects(c));
                assert!(!printed.chars().any(hidden), "P28: {printed:?}");
                let marks = printed.matches('►').count();
                // Behind nothing but the time.
                let time = |c: char| c.is_ascii_digit() || matches!(c, ':' | ' ');
                let starts = |line: &&str| line.trim_start_matches(time).starts_with('►');
                let at_margin = printed.lines().filter(starts).count();
                assert_eq!(marks, at_margin, "P28: {printed:?}");
                let indented = printed.split('\n').skip(1).all(|line| line.starts_with("  "));
                assert!(indented || lines == Lines::OneEach, "P28: {printed:?}");
            }
        }
    }

    fn look_at_frames(&mut self) {
        let bytes = self.session.take_frames();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = frame::frame_len(rest).expect("no fault").expect("a header");
            let (whole, behind) = rest.split_at(length);
            let payload = frame::payload(whole).expect("a checksum");
            let request = RequestMessage::parse(payload).expect("a message");
            assert!(request.kind.is_some());
            if let Ok(Some(RequestId::Number(id))) = request.id() {
                self.asked.push(id);
            }
            rest = behind;
        }
    }

    // What is drawn.

    fn asked_id(&self) -> Option<i64> {
        let asked = self.asked.len();
        (asked > 0).then(|| self.asked[self.choices.below(asked)])
    }

    /// A text of at most so many bytes.
    fn text(&self, bytes_max: usize) -> String {
        let bytes: Vec<u8> =
            (0..self.choices.below(bytes_max + 1)).map(|_| self.choices.below(256) as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The name of a user, as the server lets them have one.
    fn name(&self) -> String {
        Name::user(&self.text(8)).map_or_else(|_| "bob".to_owned(), |name| name.text)
    }

    fn group_name(&self) -> String {
        Name::group(&self.text(8)).map_or_else(|_| "team".to_owned(), |name| name.text)
    }
}

/// What the lines of one printed text may begin with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Those behind the first are indented: a peer wrote them.
    Indented,
    /// Each is the server's own.
    OneEach,
}
