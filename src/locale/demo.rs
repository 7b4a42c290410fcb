//! The conversation of the demonstration, in the viewer's language.

use serde_json::{Value, json};

use super::Lang;
use crate::wire::MessageType::{self, Add, Addgroupuser, Logout, Newgroup, Send, Sendgroup};

/// The users: three people and, last, the bot.
pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "echo"];

/// The requests that are sent at the start, each with the place of its sender in [`NAMES`].
pub fn script(lang: Lang) -> Vec<(usize, MessageType, Value)> {
    const ALICE: usize = 0;
    const BOB: usize = 1;
    const CAROL: usize = 2;
    let group = lang.pick("team", "周末徒步");
    let user = |name: &str| json!({"username": name});
    let member = |name: &str| json!({"groupname": group, "username": name});
    let to = |name: &str, english, chinese| {
        let text = lang.pick(english, chinese);
        json!({"username": name, "message": text})
    };
    let to_all = |english, chinese| {
        let text = lang.pick(english, chinese);
        json!({"creator": NAMES[0], "groupname": group, "message": text})
    };
    vec![
        (ALICE, Add, user("bob")),
        (ALICE, Add, user("carol")),
        (BOB, Add, user("carol")),
        (ALICE, Add, user("echo")),
        (BOB, Add, user("echo")),
        (CAROL, Add, user("echo")),
        (ALICE, Newgroup, json!({"groupname": group})),
        (ALICE, Addgroupuser, member("bob")),
        (ALICE, Addgroupuser, member("carol")),
        (ALICE, Sendgroup, to_all("Shall we go hiking on Saturday?", "周六一起去徒步吗？")),
        (BOB, Sendgroup, to_all("Gladly. When do we meet?", "好啊，几点集合？")),
        (CAROL, Sendgroup, to_all("Nine, at the station.", "九点，地铁站见。")),
        (BOB, Send, to("alice", "Will you bring the map?", "你带地图吗？")),
        (ALICE, Send, to("bob", "I have it here.", "已经带上了。")),
        // Now they leave one after the other, and the messages to them wait.
        (ALICE, Logout, json!({})),
        (BOB, Sendgroup, to_all("I bring tea for all.", "我给大家带茶。")),
        (CAROL, Send, to("alice", "I may be ten minutes late.", "我可能会晚到十分钟。")),
        (BOB, Logout, json!({})),
        (CAROL, Logout, json!({})),
    ]
}
