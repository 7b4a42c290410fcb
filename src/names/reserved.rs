//! Names that people would take for the server, its operator or everybody.
//!
//! A name is reserved if it consists only of reserved words, words that go with them (`istrator`,
//! `message`, `bot`, …), punctuation and digits. So `badminton` is free.
//! Words are compared by how they look: the skeletons of UTS #39 in lower case, traditional
//! characters as simplified ones, and `i`, `I`, `l`, `1` as one, because names differ by no case.

use std::sync::LazyLock;

use unicode_security::confusable_detection::skeleton;

/// The words that are reserved.
const RESERVED: &str = "
    admin sysadmin superuser root system server p2sp sysop operator moderator support helpdesk
    everyone notice notification sysmsg nickserv chanserv memoserv operserv botserv hostserv
    saslserv 系统 管理员 管理者 超管 客服 客户服务 服务器 伺服器 官方 站长 版主 群主 网管 运维 通知
    公告 所有人 全员 全体成员
";

/// The words that a name may put beside them and still look reserved.
const BESIDE: &str = "
    istrator s super message msg bot team official account service the 消息 讯息 信息 提示 账号
    团队 小组 中心 机器人 助手 超级
";

/// A word that is reserved only by itself: too many names look like it.
const EXACTLY: &str = "all";

/// Each character of the words above that is also written in other ways, and these ways behind it.
const VARIANTS: &str = "
    系係繫糸 统統 员員貟 务務 户戶戸 长長 网網 运運 维維 体體 账賬帳 号號 团團団 队隊 组組 机機
    级級 群羣 讯訊 器噐
";

struct Word {
    written: &'static str,
    folded: String,
    is_reserved: bool,
}

static WORDS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let word = |is_reserved| move |written| Word { written, folded: fold(written), is_reserved };
    let beside = BESIDE.split_whitespace().map(word(false));
    RESERVED.split_whitespace().map(word(true)).chain(beside).collect()
});

/// The reserved word that a name is, or looks like.
pub(super) fn looks_like(name: &str) -> Option<&'static str> {
    let lower: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let exactly = (lower == EXACTLY).then_some(EXACTLY);
    let core = name.trim_matches(|c: char| c.is_ascii_digit() || !c.is_alphanumeric());
    exactly.or_else(|| reserved_word_of(&fold(name))).or_else(|| reserved_word_of(&fold(core)))
}

/// The reserved word in a text that consists only of the words above and digits.
fn reserved_word_of(text: &str) -> Option<&'static str> {
    // The ways to read the text so far: the rest of the current word, and the first reserved word.
    let mut ways: Vec<(&str, Option<&str>)> = vec![("", None)];
    for c in text.chars() {
        let mut next = Vec::new();
        for (rest, found) in ways {
            if c.is_ascii_digit() {
                next.push((rest, found));
            }
            let go_on = |(rest, found): (&'static str, _)| {
                let mut rest = rest.chars();
                let is_next = rest.next().is_some_and(|letter| stands_for(c, letter));
                is_next.then_some((rest.as_str(), found))
            };
            let begin = |word: &'static Word| {
                (&*word.folded, found.or(word.is_reserved.then_some(word.written)))
            };
            match rest {
                "" => next.extend(WORDS.iter().map(begin).filter_map(go_on)),
                _ => next.extend(go_on((rest, found))),
            }
        }
        next.sort_unstable();
        next.dedup();
        ways = next;
    }
    ways.into_iter().filter(|(rest, _)| rest.is_empty()).find_map(|(_, found)| found)
}

/// Whether a character of a name is that of a word, or a digit that looks like it.
fn stands_for(c: char, letter: char) -> bool {
    c == letter || matches!((c, letter), ('1', 'l') | ('0', 'o'))
}

/// How a text looks, without its punctuation. Digits stay: each may stand for a letter, or for
/// nothing.
fn fold(text: &str) -> String {
    let simplified: String = text.to_lowercase().chars().map(simplify).collect();
    let parts = simplified.split_inclusive(|c: char| c.is_ascii_digit());
    let looks: String = parts
        .flat_map(|part| {
            let digit = part.chars().next_back().filter(char::is_ascii_digit);
            skeleton(part.trim_end_matches(|c: char| c.is_ascii_digit())).chain(digit)
        })
        .collect();
    let looks = looks.to_lowercase();
    looks.chars().filter(|c| c.is_alphanumeric()).map(|c| if c == 'i' { 'l' } else { c }).collect()
}

fn simplify(c: char) -> char {
    let variants = VARIANTS.split_whitespace().find(|variants| variants.contains(c));
    variants.and_then(|variants| variants.chars().next()).unwrap_or(c)
}

#[cfg(test)]
mod tests;
