//! A search finds what a look at every text finds, at a bounded cost.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::limits::{MESSAGE_BYTES_MAX, TERMS_PER_TEXT_MAX};
use crate::store::tests::{ANN, BOB, CEM, Temp, add_group, text};
use crate::store::{NewEntry, Store};

fn say(store: &mut Store, by: UserId, to: Conversation, body: &str) -> i64 {
    // Later than they registered.
    let entry = NewEntry { unix: 9, ..text(by, to, body) };
    store.log_mut().append(&entry).expect("append").0
}

/// Ann and bob, and what she said to him.
fn said(bodies: &[&str]) -> (Temp, Vec<i64>) {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let mut seqs = Vec::new();
    temp.transact(|store| {
        let to = Conversation::Inbox(BOB);
        seqs.extend(bodies.iter().map(|body| say(store, ANN, to, body)));
    });
    (temp, seqs)
}

fn found(store: &mut Store, reader: UserId, line: &str) -> Vec<i64> {
    let wanted = Wanted::parse(line).expect("words");
    let found = store.search(reader, &wanted, None, 50).expect("search");
    assert_eq!((found.next, found.unsearched), (None, 0));
    found.entries.iter().map(|entry| entry.seq.0).collect()
}

/// All that is found by going on, and in how many searches.
fn found_in_turns(store: &mut Store, line: &str, rows: usize, budget: Budget) -> (Vec<i64>, usize) {
    let wanted = Wanted::parse(line).expect("words");
    store.log_mut().log.search_budget = budget;
    let (mut all, mut before, mut turns) = (Vec::new(), None, 0);
    while turns == 0 || before.is_some() {
        let found = store.search(BOB, &wanted, before, rows).expect("search");
        assert!(found.entries.len() <= rows);
        assert!(found.next.is_none_or(|next| before.is_none_or(|before| next < before)));
        all.extend(found.entries.iter().map(|entry| entry.seq.0));
        (before, turns) = (found.next, turns + 1);
    }
    (all, turns)
}

/// Looks with nothing in the index, with half of it, and with everything.
fn in_all_states(temp: &mut Temp, mut check: impl FnMut(&mut Store)) {
    check(&mut temp.store);
    while !temp.store.is_indexed() {
        temp.transact(|store| store.log_mut().index_some(2).expect("index"));
        check(&mut temp.store);
    }
}

/// What each line finds among the texts, by its place there.
fn each_finds(texts: &[&str], lines: &[(&str, Option<usize>)]) {
    let (mut temp, at) = said(texts);
    in_all_states(&mut temp, |store| {
        for (line, which) in lines {
            let expected: Vec<i64> = which.map(|which| at[which]).into_iter().collect();
            assert_eq!(found(store, BOB, line), expected, "{line}");
            assert_eq!(found(store, ANN, line), expected, "{line}, by who said it");
        }
    });
}

#[test]
fn words_are_found_in_any_script_and_form() {
    each_finds(
        &["我家在上海东边", "海上 sail", "Café ＡＢＣ １２", "straße; don't", "한국어로"],
        &[
            ("上海", Some(0)),
            ("上海 我家", Some(0)),
            ("海东", Some(0)),
            ("海家", None),
            ("SAIL 海上", Some(1)),
            ("cafe", Some(2)),
            ("CAFÉ abc", Some(2)),
            ("１2", Some(2)),
            ("caf", None),
            ("don't", Some(3)),
            ("don \"t OR", None),
            ("국어", Some(4)),
        ],
    );
    assert!(Wanted::parse(" … !! ☺\u{fe0f}").is_none());
}

#[test]
fn marks_are_parts_of_words_and_letters_without_spaces_are_words() {
    let joined = "क\u{94d}\u{200d}ष ❤\u{fe0f} 1\u{fe0f}\u{20e3}";
    each_finds(
        &["아ㅋㅋㅋ ㅠㅠ", "हिन्दी में किताब", "สวัสดีม้าน้ำ", joined],
        &[
            ("ㅋ", Some(0)),
            ("ㅋㅋ", Some(0)),
            ("ㅋㅋㅋㅋ", None),
            ("ㅠ", Some(0)),
            ("हिन्दी", Some(1)),
            ("किताब", Some(1)),
            ("हिन", None),
            ("कताब", None),
            ("दी", None),
            ("ม้า", Some(2)),
            ("น้ำ", Some(2)),
            ("มา", None),
            ("วัส", Some(2)),
            ("क्ष", Some(3)),
            ("1", Some(3)),
        ],
    );
}

/// Letters, marks and what stands between them in scripts of every kind.
const LETTERS: &str = "[a-cA-C1é ,.'\\u{301}\\u{200d}\\u{fe0f}上海的あガｶﾞㄱㅋㅏ가힣\
    \\u{1112}\\u{1161}\\u{11ab}कखिी\\u{94d}\\u{93c}\\u{902}กขาำ\\u{e49}\\u{e31}ກ\\u{ec8}\
    ကျ\\u{1039}ក\\u{17d2}ាאب\\u{5b0}\\u{64e}ςΣσİıǅ🅰Ⓐ\\u{1c4e9}]";
/// Texts in scripts without spaces between words, each in one: where marks of several meet,
/// Unicode puts them into another order.
const UNSPACED: &str = "[上海的々一\u{3400}]{1,9}|[あかがぁーア]{1,9}|[가힣ㅋㅠㅏㄳ]{1,9}|\
    [กขาเ\u{e49}\u{e31}]{1,9}|[ກຂາ\u{ec8}]{1,9}|[ကချာ\u{1039}]{1,9}|[កខា\u{17d2}]{1,9}";

fn letters(most: usize) -> impl Strategy<Value = String> {
    prop::string::string_regex(&format!("{LETTERS}{{0,{most}}}")).expect("a pattern")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn the_index_and_the_text_itself_agree_in_every_script(
        texts in prop::collection::vec(letters(12), 1..6),
        lines in prop::collection::vec(letters(3), 12),
        any in any::<String>(),
    ) {
        let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        texts.push(&any);
        let (mut temp, _) = said(&texts);
        // Of what was said, too, so that something is found.
        let parts = texts.iter().flat_map(|text| text.split(['上', 'a', ' ']));
        let lines = lines.iter().map(String::as_str).chain(parts);
        let lines: Vec<&str> = lines.filter(|line| Wanted::parse(line).is_some()).collect();
        let mut answers = BTreeSet::new();
        in_all_states(&mut temp, |store| {
            let all: Vec<_> = lines.iter().map(|line| found(store, BOB, line)).collect();
            answers.insert(all);
        });
        prop_assert_eq!(answers.len(), 1, "{:?} in {:?}", lines, &texts);
    }

    #[test]
    fn without_spaces_between_words_a_text_is_found_by_any_part(
        text in UNSPACED,
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let (from, to) = (from.index(ends.len()), to.index(ends.len()));
        let end = text[ends[to]..].chars().next().map_or(0, char::len_utf8);
        let part = &text[ends[from.min(to)]..ends[to] + end];
        let (mut temp, at) = said(&[&text]);
        in_all_states(&mut temp, |store| {
            assert_eq!(found(store, BOB, part), at, "{part} in {text}");
        });
    }

    #[test]
    fn p21_whatever_a_search_may_cost_nothing_is_lost(
        texts in prop::collection::vec("[ab上海]( [ab上海]){0,2}", 1..80),
        line in "[ab上海]( [ab上海])?",
        indexed in 1..80_usize,
        (steps, seqs, bytes) in (1..400_u32, 1..4_usize, 1..900_usize),
        rows in 1..5_usize,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (mut temp, _) = said(&texts);
        temp.transact(|store| store.log_mut().index_some(indexed).expect("index"));
        let (all, _) = found_in_turns(&mut temp.store, &line, 200, Budget::OF_A_REQUEST);
        let budget = Budget { steps, rows: seqs, bytes };
        let (mut found, mut turns) = (Vec::new(), 0);
        // A question that is cut short undoes nothing of the transaction that it stands in.
        temp.transact(|store| {
            say(store, ANN, Conversation::Inbox(BOB), "behind");
            (found, turns) = found_in_turns(store, &line, rows, budget);
        });
        prop_assert_eq!(found, all);
        prop_assert!(turns <= texts.len() + 2);
        prop_assert_eq!(temp.store.log_rows(), texts.len() as u64 + 1);
        prop_assert_eq!(temp.store.check(), Ok(Vec::new()));
    }
}

#[test]
fn p11_nobody_finds_what_was_not_for_them() {
    let mut temp = Temp::with_users(&["ann", "bob", "cem"]);
    let mut seqs = Vec::new();
    temp.transact(|store| {
        let group = add_group(store, ANN, "team");
        let team = Conversation::Group(group);
        assert_eq!(group, GroupId(1));
        seqs.push(say(store, ANN, Conversation::Inbox(BOB), "one apple"));
        seqs.push(say(store, ANN, team, "two apples apple"));
        store.people_mut().join(group, CEM).expect("join");
        seqs.push(say(store, ANN, team, "three apple"));
        store.leave(group, CEM).expect("leave");
        seqs.push(say(store, ANN, team, "four apple"));
        seqs.push(say(store, BOB, Conversation::Everyone, "five apple"));
    });
    in_all_states(&mut temp, |store| {
        let by = |reader, store: &mut Store| -> Vec<Option<usize>> {
            let found = found(store, reader, "apple");
            found.iter().rev().map(|seq| seqs.iter().position(|s| s == seq)).collect()
        };
        let all =
            |places: &[usize]| -> Vec<Option<usize>> { places.iter().copied().map(Some).collect() };
        assert_eq!(by(ANN, store), all(&[0, 1, 2, 3, 4]));
        assert_eq!(by(BOB, store), all(&[0, 4]));
        assert_eq!(by(CEM, store), all(&[2, 4]));
    });
    temp.transact(|store| {
        store.log_mut().prune(i64::MAX, Seq(seqs[0]), 9).expect("prune");
    });
    assert_eq!(found(&mut temp.store, BOB, "apple"), [seqs[4]]);
    assert_eq!(temp.reopen().store.log_mut().log.marks.now.indexed.0, seqs[4]);
}

#[test]
fn p11_who_is_in_many_groups_finds_theirs_and_nothing_else() {
    let mut temp = Temp::with_users(&["ann", "bob"]);
    let (mut seqs, groups) = (Vec::new(), SEARCH_CONVERSATIONS_MAX);
    temp.transact(|store| {
        for number in 0..groups {
            let group = add_group(store, ANN, &format!("g{number}"));
            say(store, ANN, Conversation::Group(group), "apple");
            store.people_mut().join(group, BOB).expect("join");
            seqs.push(say(store, ANN, Conversation::Group(group), "apple"));
            if number % 3 == 0 {
                store.leave(group, BOB).expect("leave");
                say(store, ANN, Conversation::Group(group), "apple");
            }
        }
    });
    while !temp.store.is_indexed() {
        temp.transact(|store| store.log_mut().index_some(40).expect("index"));
    }
    temp.transact(|store| {
        seqs.push(say(store, ANN, Conversation::Group(GroupId(2)), "apple"));
        say(store, ANN, Conversation::Group(GroupId(1)), "bob has left it: apple");
    });
    seqs.reverse();
    assert_eq!(found(&mut temp.store, BOB, "apple"), seqs);
}

#[test]
fn a_word_many_times_is_asked_for_once() {
    let same = Wanted::parse(&"的 ".repeat(60)).expect("words");
    assert!(same == Wanted::parse("的").expect("a word"));
    assert_eq!(Wanted::parse(&"的".repeat(85)).expect("words").terms(9), ["的"]);
}

#[test]
fn p20_of_one_text_so_many_words_are_kept_and_found() {
    let words: Vec<String> = (0..TERMS_PER_TEXT_MAX + 9).map(|n| format!("{n:x}")).collect();
    let text = format!("{} {}", "again ".repeat(40), words.join(" "));
    let long = "x".repeat(MESSAGE_BYTES_MAX - 1);
    let (mut temp, at) = said(&[&text, &long, &format!("{long}y")]);
    in_all_states(&mut temp, |store| {
        assert_eq!(found(store, BOB, "again 3e8"), at[..1]);
        assert_eq!(found(store, BOB, &words[TERMS_PER_TEXT_MAX - 2]), at[..1]);
        assert_eq!(found(store, BOB, &words[TERMS_PER_TEXT_MAX - 1]), Vec::<i64>::new());
        // A word that is longer than what is kept of it is told from one that begins so.
        assert_eq!(found(store, BOB, &long[..100]), Vec::<i64>::new());
    });
}
