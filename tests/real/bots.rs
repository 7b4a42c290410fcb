//! Programs that are no clients, with the real server: the bot of the READMEs, as it stands there.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::{PASSWORD, Server};

/// A process that ends with the test.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The script in a README.
fn script(readme: &str) -> &str {
    let (_, block) = readme.split_once("```bash\nexec 3").expect("a script");
    let (script, _) = block.split_once("\n```").expect("its end");
    script
}

#[test]
fn the_bot_of_the_readme_repeats_what_friends_say_exactly() {
    let english = script(include_str!("../../README.md"));
    assert_eq!(english, script(include_str!("../../README.zh-CN.md")));
    assert!(english.lines().count() <= 10, "ten lines");
    let server = Server::start(&[]);
    let [mut alice, mut parrot] = server.friends(["alice", "parrot"]);
    parrot.ok("logout", json!({}));
    let bot = Command::new("bash")
        .args(["-c", &format!("exec 3{english}")])
        .env_clear()
        .env("P2SP_HOST", server.address.ip().to_string())
        .env("P2SP_PORT", server.address.port().to_string())
        .env("BOT_NAME", "parrot")
        .env("BOT_PASSWORD", PASSWORD)
        .stdin(Stdio::null())
        .spawn();
    let _bot = Bot(bot.expect("bash"));
    for text in ["tea?", "\"a\\b\" {\n}\t$HOME `x` %s", "上海 🍵", "'; quit"] {
        alice.ok("send", json!({"username": "parrot", "message": text}));
        alice.expect_text("parrot", text);
        alice.confirm();
    }
}
