//! The conversation of the demonstration, in the viewer's language.

use super::Lang;

/// Who is there: three people and, last, the bot. Who does something is named by their place.
pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "echo"];

/// Something that somebody does.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Line {
    Befriend(usize, &'static str),
    /// The first person creates a group.
    Group(&'static str),
    /// The first person adds a user to that group.
    BringIn(&'static str, &'static str),
    Say(usize, &'static str, &'static str),
    SayIn(usize, &'static str, &'static str),
    Leave(usize),
}

/// What happens before anyone watches.
pub fn script(lang: Lang) -> Vec<Line> {
    const ALICE: usize = 0;
    const BOB: usize = 1;
    const CAROL: usize = 2;
    let team = lang.pick("team", "周末徒步");
    vec![
        Line::Befriend(ALICE, "bob"),
        Line::Befriend(ALICE, "carol"),
        Line::Befriend(BOB, "carol"),
        Line::Befriend(ALICE, "echo"),
        Line::Befriend(BOB, "echo"),
        Line::Befriend(CAROL, "echo"),
        Line::Group(team),
        Line::BringIn(team, "bob"),
        Line::BringIn(team, "carol"),
        Line::SayIn(
            ALICE,
            team,
            lang.pick("Shall we go hiking on Saturday?", "周六一起去徒步吗？"),
        ),
        Line::SayIn(BOB, team, lang.pick("Gladly. When do we meet?", "好啊，几点集合？")),
        Line::SayIn(CAROL, team, lang.pick("Nine, at the station.", "九点，地铁站见。")),
        Line::Say(BOB, "alice", lang.pick("Will you bring the map?", "你带地图吗？")),
        Line::Say(ALICE, "bob", lang.pick("I have it here.", "已经带上了。")),
        // From here on they are away, and what is said waits for them.
        Line::Leave(ALICE),
        Line::SayIn(BOB, team, lang.pick("I bring tea for all.", "我给大家带茶。")),
        Line::Say(CAROL, "alice", lang.pick("I may be ten minutes late.", "我可能会晚到十分钟。")),
        Line::Leave(BOB),
        Line::Leave(CAROL),
    ]
}
