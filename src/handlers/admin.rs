//! Requests of administrators: list everyone, send system messages, block and unblock.
//!
//! The operator may send them, too. The operator is no user, so the messages have no sender then.

use serde_json::{Value, json};

use super::audit::record;
use super::caller::Admin;
use super::context::{Answer, Cx, Failure, Outcome, ServerFacts, refuse_if};
use super::group::{list_groups, notify_of_group};
use super::list::{Page, ROWS_ASKED, name_bytes, user_line};
use super::message::sent_to;
use super::named;
use super::post::{Draft, find_posted, post};
use crate::conn::{CloseReason, Rest};
use crate::counters::Counters;
use crate::id::{Conversation, GroupId, Seq, UserId};
use crate::limits::LIST_BYTES_MAX;
use crate::locale::reply::{Count, Figure, Reply, Statistics, UserLine};
use crate::outbox::Effect;
use crate::sessions::Sessions;
use crate::store::{EntryKind, GroupLabel, GroupStatus, Store, StoreError, User};
use crate::wire::argument::{AnyonesGroup, MessageText, Mid, PageStart};
use crate::wire::command::{
    Adminsend, Adminsendgroup, Allgroup, Allusers, Blockgroup, Blockuser, Broadcast, Online, Stats,
    Unblockgroup, Unblockuser,
};
use crate::wire::response::Data;
use crate::wire::{Code, Event, MessageType};

/// Answers `allusers`: lists every user, or only those online.
pub fn allusers(cx: &mut Cx, admin: Admin, req: Allusers) -> Answer {
    if req.online {
        return online(cx, admin, Online { after: req.after });
    }
    let rows = cx.store.people().users_page(UserId(req.after.id), ROWS_ASKED)?;
    Ok(list_users(cx, req.after, rows))
}

/// Answers `online`: lists every user who is online.
pub fn online(cx: &mut Cx, _: Admin, req: Online) -> Answer {
    let online = cx.sessions.online_after(UserId(req.after.id), ROWS_ASKED);
    let rows: Result<Vec<Option<User>>, _> =
        online.map(|user| cx.store.people().user(user)).collect();
    let rows = rows?.into_iter().flatten().collect();
    Ok(list_users(cx, req.after, rows))
}

/// Answers `allgroup`: lists every group, numbered.
pub fn allgroup(cx: &mut Cx, _: Admin, req: Allgroup) -> Answer {
    let rows = cx.store.people().all_groups(GroupId(req.after.id), ROWS_ASKED)?;
    Ok(list_groups(cx, req.after, rows))
}

/// Answers `adminsend`: posts a system message to a user, friend or not.
pub fn adminsend(cx: &mut Cx, admin: Admin, req: Adminsend) -> Answer {
    let other = named::anyone(cx, req.username)?;
    let (to, about) = (Conversation::Inbox(other.id), Some(other.name.as_str()));
    let seq = post_once(cx, admin, (req.message, req.mid), to, (MessageType::Adminsend, about))?;
    Ok(sent_to(cx, &other, seq, true))
}

/// Answers `adminsendgroup`: posts a system message to a group, blocked or not.
pub fn adminsendgroup(cx: &mut Cx, admin: Admin, req: Adminsendgroup) -> Answer {
    let (text, mid) = (req.message, req.mid);
    let is_meant = |cx: &Cx, found| named::is_group(cx, admin.id(), &req.group, found);
    let seq = match find_posted(cx, admin.id(), mid, (text, true), is_meant)? {
        Some(seq) => seq,
        None => {
            let group = named::any_group(cx, admin, &req.group)?;
            let about = group.full_name();
            record(cx, admin.id(), MessageType::Adminsendgroup, Some(&about))?;
            let label = GroupLabel { name: &*group.name, creator: &*group.creator_name };
            post_system(cx, admin, (text, mid), Conversation::Group(group.id), Some(label))?
        }
    };
    Ok(Outcome::Done(Reply::Sent, Data::Sent { seq, online: None }))
}

/// Answers `broadcast`: posts a system message to every user, online or not.
pub fn broadcast(cx: &mut Cx, admin: Admin, req: Broadcast) -> Answer {
    let act = (MessageType::Broadcast, None);
    let seq = post_once(cx, admin, (req.message, req.mid), Conversation::Everyone, act)?;
    Ok(Outcome::Done(Reply::BroadcastSent, Data::Sent { seq, online: None }))
}

/// Answers `blockuser`: ends a user's session, tells them why, and refuses their sign-ins.
pub fn blockuser(cx: &mut Cx, admin: Admin, req: Blockuser) -> Answer {
    let other = named::anyone(cx, req.username)?;
    refuse_if(other.admin, Code::AdminProtected)?;
    record(cx, admin.id(), MessageType::Blockuser, Some(&other.name))?;
    cx.store.people_mut().set_blocked(other.id, true)?;
    cx.store.people_mut().set_key(other.id, None, cx.now.unix)?;
    cx.hold_sessions(other.id);
    // Staged by user and not by connection: they may be signing in in this tick.
    cx.outbox.stage(Effect::Expel(other.id, CloseReason::Blocked));
    Ok(Outcome::said(Reply::UserBlocked { name: other.name }))
}

/// Answers `unblockuser`: lets a user sign in again.
pub fn unblockuser(cx: &mut Cx, admin: Admin, req: Unblockuser) -> Answer {
    let other = named::anyone(cx, req.username)?;
    record(cx, admin.id(), MessageType::Unblockuser, Some(&other.name))?;
    cx.store.people_mut().set_blocked(other.id, false)?;
    Ok(Outcome::said(Reply::UserUnblocked { name: other.name }))
}

/// Answers `blockgroup`: refuses messages to a group, and tells its members.
pub fn blockgroup(cx: &mut Cx, admin: Admin, req: Blockgroup) -> Answer {
    set_group_blocked(cx, admin, &req.group, true)
}

/// Answers `unblockgroup`: accepts messages to a group again, and tells its members.
pub fn unblockgroup(cx: &mut Cx, admin: Admin, req: Unblockgroup) -> Answer {
    set_group_blocked(cx, admin, &req.group, false)
}

/// Answers `stats`: figures about the server, and counts of refusals and closed connections.
pub fn stats(cx: &mut Cx, _: Admin, _: Stats) -> Answer {
    let statistics = statistics(cx.store, cx.sessions, cx.counters, &cx.server)?;
    let counts = |counts: &[Count]| -> Value {
        counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect()
    };
    let figures = statistics.figures.iter();
    let figures: Vec<Count> = figures.map(|figure| (figure.name, figure.value)).collect();
    let mut data = counts(&figures);
    data["resting"] = counts(&statistics.resting);
    data["refusals"] = counts(&statistics.refusals);
    data["closes"] = counts(&statistics.closes);
    Ok(Outcome::Done(Reply::Stats(statistics), Data::Object(data)))
}

/// Every figure, for people, for programs and for monitors.
///
/// # Errors
/// The store failed.
pub fn statistics(
    store: &Store,
    sessions: &Sessions,
    counters: &Counters,
    server: &ServerFacts,
) -> Result<Statistics, StoreError> {
    let figure = |only_grows| {
        move |name, english, chinese, value| Figure { name, english, chinese, only_grows, value }
    };
    let (gauge, counter) = (figure(false), figure(true));
    let [p50, p99, p999] = [500, 990, 999].map(|permille| counters.tick_micros(permille));
    let figures = vec![
        gauge("connections", "connections", "连接数", server.connections),
        gauge("users_online", "users online", "在线用户", sessions.count() as u64),
        gauge("users", "users", "用户", store.people().user_count()),
        gauge("messages", "messages in the log", "消息总数", store.log_rows()),
        counter("appended", "messages since the start", "启动后消息数", counters.appended),
        counter("expired", "messages removed, too old", "过期清除的消息", counters.expired),
        counter("deliveries", "deliveries since the start", "启动后投递数", counters.pushed),
        counter("requests_done", "requests done", "完成的请求", counters.answered),
        counter("sign_ins", "sign-ins with a password", "密码登录次数", counters.sign_ins),
        counter("accepted", "connections accepted", "接受的连接", counters.accepted),
        counter("handshakes", "TLS handshakes", "TLS 握手次数", counters.handshakes),
        gauge("hashes_waiting", "password hashes waiting", "等待的密码计算", server.hashes_waiting),
        gauge("readers_behind", "readers behind", "落后的接收者", server.behind),
        gauge("send_bytes", "bytes waiting to be sent", "待发送字节", server.send_bytes),
        gauge("database_bytes", "database bytes", "数据库字节", store.database_bytes()?),
        gauge("uptime_seconds", "uptime in seconds", "运行秒数", server.uptime_seconds),
        counter("ticks", "ticks", "循环次数", counters.ticks),
        counter("commits", "ticks with a commit", "提交次数", counters.commits),
        gauge("tick_micros_p50", "tick time p50 in µs", "循环耗时 p50（微秒）", p50),
        gauge("tick_micros_p99", "tick time p99 in µs", "循环耗时 p99（微秒）", p99),
        gauge("tick_micros_p999", "tick time p99.9 in µs", "循环耗时 p99.9（微秒）", p999),
    ];
    let resting = Rest::ALL.iter().map(|why| why.name()).zip(server.resting).collect();
    let (refusals, closes) = (counters.refusals(), counters.closes());
    Ok(Statistics { figures, resting, refusals, closes })
}

fn list_users(cx: &Cx, begins: PageStart, rows: Vec<User>) -> Outcome {
    let bytes = |user: &User| name_bytes(&user.name) + 128;
    let page = Page::cut(begins, LIST_BYTES_MAX, rows, bytes, |user| user.id.0);
    let line = |user: &User| UserLine {
        blocked: Some(user.blocked),
        is_admin: Some(user.admin),
        ..user_line(cx, user.id, &user.name)
    };
    let users: Vec<UserLine> = page.rows.iter().map(line).collect();
    let data = page.with_next(json!({"users": users}));
    Outcome::Done(Reply::Users(users), Data::Object(data))
}

/// Posts a system message to a user or to everyone, or finds it posted already.
fn post_once(
    cx: &mut Cx,
    admin: Admin,
    (text, mid): (MessageText, Option<Mid>),
    conversation: Conversation,
    (act, about): (MessageType, Option<&str>),
) -> Result<Seq, Failure> {
    match find_posted(cx, admin.id(), mid, (text, true), |_, found| Ok(found == conversation))? {
        Some(seq) => Ok(seq),
        None => {
            record(cx, admin.id(), act, about)?;
            post_system(cx, admin, (text, mid), conversation, None)
        }
    }
}

fn post_system(
    cx: &mut Cx,
    admin: Admin,
    (text, mid): (MessageText, Option<Mid>),
    conversation: Conversation,
    group: Option<GroupLabel<&str>>,
) -> Result<Seq, Failure> {
    cx.need_storage()?;
    let (sender, sender_name, kind) = (admin.id(), None, EntryKind::System);
    post(cx, Draft { conversation, sender, sender_name, kind, text, mid, group })
}

fn set_group_blocked(
    cx: &mut Cx,
    admin: Admin,
    AnyonesGroup(named): &AnyonesGroup,
    blocked: bool,
) -> Answer {
    let group = named::any_group(cx, admin, named)?;
    let act = if blocked { MessageType::Blockgroup } else { MessageType::Unblockgroup };
    record(cx, admin.id(), act, Some(&group.full_name()))?;
    // If it is as wanted already, the members are not told again.
    if (group.status == GroupStatus::Blocked) != blocked {
        cx.store.people_mut().set_group_blocked(group.id, blocked)?;
        let event = if blocked { Event::GroupBlocked } else { Event::GroupUnblocked };
        let (all, by) = (Conversation::Group(group.id), admin.id());
        notify_of_group(cx, &group, all, event, by, by)?;
    }
    let name = group.name;
    Ok(Outcome::said(match blocked {
        true => Reply::GroupBlocked { name },
        false => Reply::GroupUnblocked { name },
    }))
}
