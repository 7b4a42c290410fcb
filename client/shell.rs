//! Commands: lines become requests, one after the other.
//!
//! A line of a script waits for the answer to the line before it, so that the same script does the
//! same every time. A person waits only for requests that change who is signed in. Passwords are
//! asked for here, and the numbers of groups are fetched if the person has not seen them.

use std::io::BufRead;
use std::time::Duration;

use p2sp::limits::LINE_BYTES_MAX;
use p2sp::locale::client::{Text, questions};
use p2sp::locale::{self, Lang};
use p2sp::wire::command::Command;
use p2sp::wire::typed::{self, CommandFault, Parsed};
use p2sp::wire::{Code, MessageType};

use crate::link::Link;
use crate::output::complain;
use crate::requests::{Args, Purpose};
use crate::session::Session;
use crate::terminal::{Line, Terminal};

/// Requests without an answer at which the next line of a person is not read yet.
const WAITING_MAX: usize = 64;
/// How long a person waits for each step of leaving; a script waits until everything is done.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// How often a script tries to confirm everything before it leaves, while messages keep coming.
const LEAVE_ROUNDS_MAX: usize = 16;

/// Reads commands and carries them out.
pub struct Shell<'a, R> {
    link: &'a Link,
    terminal: Terminal<R>,
    /// The invite code for a registration from another machine.
    invite: Option<String>,
}

impl<'a, R: BufRead> Shell<'a, R> {
    /// A shell that sends its requests over `link`.
    pub fn new(link: &'a Link, terminal: Terminal<R>, invite: Option<String>) -> Shell<'a, R> {
        Shell { link, terminal, invite }
    }

    /// Carries out every line until the end or `quit`. Returns the exit code.
    pub fn run(&mut self) -> u8 {
        self.link.wait_until(|session| session.has_answered() || session.unreachable().is_some());
        if let Some(why) = self.link.with(|session| session.unreachable().map(str::to_owned)) {
            complain(&why);
            return self.link.with(|session| session.exit_code());
        }
        if self.terminal.is_interactive() {
            let address = self.link.address().to_string();
            let welcome = Text::Welcome { address: &address };
            self.link.with(|session| session.print(welcome.say(session.lang())));
        }
        self.read_lines();
        self.link.hang_up();
        self.link.with(|session| session.exit_code())
    }

    /// Carries out every line until the end or `quit`, and leaves.
    fn read_lines(&mut self) {
        let mut given_up = false;
        while !self.is_over() {
            let line = match self.terminal.line() {
                Line::Unshown(line) => {
                    self.link.with(|session| session.print(format!("> {line}")));
                    Line::Text(line)
                }
                line => line,
            };
            // Ctrl-C twice in a row leaves.
            let twice = std::mem::replace(&mut given_up, line == Line::GivenUp);
            match line {
                Line::Text(line) if line.trim().is_empty() => {}
                Line::Text(line) | Line::Unshown(line) => match self.understand(&line) {
                    Some(Parsed::Request { kind, args }) => {
                        self.remember(&line, kind, &args);
                        self.request(kind, args);
                    }
                    Some(Parsed::Quit) => return self.leave_soon(),
                    None => {}
                },
                Line::GivenUp if twice => return self.leave_soon(),
                Line::GivenUp => {
                    self.link.with(|session| session.notice(Text::HowToLeave));
                }
                Line::TooLong => {
                    self.refuse(Text::LineTooLong { bytes_max: LINE_BYTES_MAX }, Code::BadRequest);
                }
                Line::NotText => self.refuse(Text::LineNotText, Code::BadRequest),
                Line::Failed(why) => {
                    self.refuse(Text::CannotRead { why: &why }, Code::BadRequest);
                    return self.leave_settled();
                }
                Line::End if self.terminal.is_interactive() => return self.leave_soon(),
                Line::End => return self.leave_settled(),
            }
        }
    }

    /// Adds a line to the history, without a password (P27).
    fn remember(&mut self, line: &str, kind: MessageType, args: &Args) {
        let name = args.get("username").and_then(|name| name.as_str()).unwrap_or_default();
        match kind {
            MessageType::Login => self.terminal.remember(&format!("login {name}")),
            _ => self.terminal.remember(line),
        }
    }

    /// A script ends when the server cannot be reached.
    fn is_over(&self) -> bool {
        !self.terminal.is_interactive() && self.link.with(|session| session.unreachable().is_some())
    }

    /// The command of a line, or `None` if it was refused.
    fn understand(&mut self, line: &str) -> Option<Parsed> {
        let mut parsed = self.parse(line);
        if let Err(CommandFault::Unknown { word, .. }) = &parsed {
            // The user may have become an administrator since the sign-in.
            let known = Command::of_word(word).is_some();
            if known && self.link.with(|session| session.is_admin() == Some(false)) {
                self.ask(MessageType::Whoami, Args::new(), Purpose::Numbers);
                self.wait_for_answers();
                parsed = self.parse(line);
            }
        }
        if let Err(CommandFault::NoGroup { list, .. }) = parsed {
            let unseen = self.link.with(|session| !session.numbers().was_shown(list));
            if unseen {
                self.ask(list.request(), Args::new(), Purpose::Numbers);
                self.wait_for_answers();
                if self.link.with(|session| !session.numbers().has(list)) {
                    return None;
                }
                parsed = self.parse(line);
            }
        }
        let number = self.terminal.line_number();
        parsed
            .map_err(|fault| {
                self.link.with(|session| {
                    let text = &*locale::command::fault(session.lang(), &fault);
                    let code = fault.code().name();
                    match number {
                        Some(number) => session.refuse(Text::InLine { number, text }, code),
                        None => session.refuse_saying(text, code),
                    }
                });
            })
            .ok()
    }

    fn parse(&self, line: &str) -> Result<Parsed, CommandFault> {
        self.link.with(|session| {
            typed::parse(line, session.is_admin(), &|list, number| {
                session.numbers().group(list, number)
            })
        })
    }

    fn request(&mut self, kind: MessageType, args: Args) {
        if self.answer_ourselves(kind, &args) {
            return;
        }
        let Some(args) = self.with_passwords(kind, args) else { return };
        self.ask(kind, args, Purpose::Command);
        use MessageType as T;
        let changes_who_we_are = matches!(kind, T::Reg | T::Login | T::Logout | T::Passwd);
        if changes_who_we_are || !self.terminal.is_interactive() {
            self.wait_for_answers();
        } else {
            self.link.wait_until(|session| session.waiting() < WAITING_MAX);
        }
        if kind == T::Reg && self.terminal.is_interactive() {
            self.register_invited();
        }
    }

    /// If `reg` failed only for the missing invite code, asks for it and registers again.
    fn register_invited(&mut self) {
        while let Some(mut args) = self.link.with(Session::take_uninvited) {
            match self.password(Text::InviteCode) {
                Ok(code) if !code.trim().is_empty() => {
                    args.insert("invite".to_owned(), code.trim().into());
                    self.ask(MessageType::Reg, args, Purpose::Command);
                    self.wait_for_answers();
                }
                _ => return,
            }
        }
    }

    fn ask(&self, kind: MessageType, args: Args, purpose: Purpose) {
        self.link.with(|session| session.ask(kind, args, purpose));
    }

    /// Answers `help` and `lang` before the sign-in, which the server does only after it.
    fn answer_ourselves(&self, kind: MessageType, args: &Args) -> bool {
        let argument = |name: &str| args.get(name).and_then(|value| value.as_str());
        self.link.with(|session| match kind {
            _ if session.is_admin().is_some() => false,
            MessageType::Help => {
                let help = locale::command::help(session.lang(), false, argument("query"));
                session.print(help);
                true
            }
            MessageType::Lang => {
                session.set_lang(Lang::from_tag(argument("lang").unwrap_or_default()));
                session.print(Text::LangChanged.say(session.lang()));
                true
            }
            _ => false,
        })
    }

    /// The arguments with the passwords that the request needs; `None` if the person gives none.
    fn with_passwords(&mut self, kind: MessageType, mut args: Args) -> Option<Args> {
        if let Some(code) = self.invite.as_ref().filter(|_| kind == MessageType::Reg) {
            args.insert("invite".to_owned(), code.as_str().into());
        }
        if args.contains_key("password") {
            return Some(args);
        }
        let answered = questions(kind).iter().try_for_each(|(name, question)| {
            let password = self.password(*question)?;
            match args.insert((*name).to_owned(), password.as_str().into()) {
                Some(first) if first != password => Err(Text::PasswordsDiffer),
                _ => Ok(()),
            }
        });
        match answered {
            Ok(()) => Some(args),
            Err(why) => {
                self.refuse(why, Code::BadRequest);
                None
            }
        }
    }

    fn password(&mut self, prompt: Text) -> Result<String, Text<'static>> {
        let prompt = self.link.with(|session| prompt.say(session.lang()));
        self.terminal.password(&prompt, self.link.output()).ok_or(Text::PasswordMissing)
    }

    fn refuse(&self, text: Text, code: Code) {
        self.link.with(|session| session.refuse(text, code.name()));
    }

    fn wait_for_answers(&self) {
        self.link.wait_until(|session| session.waiting() == 0);
    }

    /// Leaves when every command was answered, every waiting message was shown, and the server has
    /// the confirmation of that.
    fn leave_settled(&self) {
        let over = |session: &Session| session.unreachable().is_some();
        for _ in 0..LEAVE_ROUNDS_MAX {
            self.link.wait_until(|session| session.is_settled() || over(session));
            self.link.with(Session::prove);
            self.link.wait_until(|session| !session.is_proving() || over(session));
            if self.link.with(|session| session.is_proven() || over(session)) {
                return;
            }
        }
    }

    /// Leaves soon: waits a moment for answers and confirmations.
    fn leave_soon(&self) {
        self.link.wait_for(LEAVE_WAIT, |session| session.waiting() == 0);
        self.link.with(|session| {
            session.fail_all();
            session.prove();
        });
        self.link.wait_for(LEAVE_WAIT, |session| !session.is_proving());
    }
}
