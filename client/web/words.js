// All texts of the page, in English and Chinese.
//
// The server's texts come in the session's language, and are shown as they came. The texts of
// events are here, too, so that those on the screen change with the language at once.
// `tests/browser/words.test.js` compares this table with the files that use it: a key that is
// missing here, or used nowhere, or whose blanks differ between the languages, fails there.

/** Key → [English, Chinese]; `{name}` is a blank. */
export const WORDS = {
  // Before the sign-in.
  tagline: ["Chat on a server of your own.", "在自己的服务器上聊天。"],
  sign_in: ["Sign in", "登录"],
  register: ["Register", "注册"],
  username: ["Name", "用户名"],
  password: ["Password", "密码"],
  password_again: ["Password again", "再次输入密码"],
  invite: ["Invite code", "邀请码"],
  invite_why: [
    "Registering from another machine needs the code that the server printed when it started.",
    "从其他机器注册需要服务器启动时显示的邀请码。",
  ],
  stay: ["Stay signed in on this device", "在此设备上保持登录"],
  new_here: ["New here? Register", "没有账号？注册"],
  known_here: ["Have an account? Sign in", "已有账号？登录"],
  name_hint: ["1–32 letters, digits, _ - . or Chinese characters", "1–32 个字母、数字、_ - . 或汉字"],
  password_hint: ["At least 8 characters", "至少 8 个字符"],
  passwords_differ: ["The two passwords differ.", "两次输入的密码不一致。"],
  bad_invite: [
    "This invite code is wrong or has expired. Check it, or ask for another.",
    "邀请码有误或已失效，请核对，或索取新的邀请码。",
  ],
  key_ended: ["Your sign-in has ended. Please sign in again.", "登录已失效，请重新登录。"],
  signed_out: ["You are signed out.", "您已退出登录。"],
  request_too_long: ["This is too long for the server.", "内容太长，服务器无法接收。"],
  one_moment: ["One moment …", "请稍候……"],

  // The connection.
  connecting: ["Connecting …", "正在连接……"],
  connection_lost: [
    "No connection. Your messages are kept, and sent when the connection is back.",
    "连接已断开。您写的消息会保留，恢复后自动发送。",
  ],
  try_now: ["Try now", "立即重试"],
  catching_up: ["Receiving waiting messages …", "正在接收离线消息……"],
  elsewhere: [
    "You signed in elsewhere, so this page is paused. New messages wait for you.",
    "您的账号在别处登录，此页面已暂停。期间的消息会为您保留。",
  ],
  use_here: ["Use it here", "在这里使用"],
  no_answer: [
    "The connection was lost before the answer. Check the result before you try again.",
    "连接在收到答复前断开，请确认结果后重试。",
  ],
  password_unknown: [
    "The connection was lost before the answer: perhaps the password was changed, perhaps not.",
    "连接在收到答复前断开：密码可能已改，也可能没有改。",
  ],

  // The list.
  chats: ["Conversations", "会话"],
  notices: ["Notices", "通知"],
  notices_sub: ["From the server and its administrators", "来自服务器和管理员"],
  filter: ["Find people, groups, messages", "查找好友、群或消息"],
  search_messages: ["Search the messages for {text}", "在消息中搜索 {text}"],
  nothing_found: ["Nothing has this name.", "没有找到这个名字。"],
  found: ["Messages found", "找到的消息"],
  none_found: ["No message has these words.", "没有消息含有这些词。"],
  unsearched: [
    "{count} messages cannot be searched yet; try again later.", "还有 {count} 条消息暂不能搜索，请稍后再试。",
  ],
  nobody_yet: [
    "Nobody here yet. Add a friend by name, or create a group.",
    "这里还没有人。按用户名添加好友，或创建一个群。",
  ],
  add_new: ["Add a friend or a group", "添加好友或创建群"],
  account: ["Account", "账号"],
  administration: ["Administration", "管理"],
  unread: ["{count} unread", "{count} 条未读"],
  online: ["online", "在线"],
  offline: ["offline", "离线"],
  online_of: ["{online} of {total} online", "{online}/{total} 人在线"],
  you_said: ["You: {text}", "我：{text}"],
  they_said: ["{who}: {text}", "{who}：{text}"],
  asks: ["{who} asks to be your friend", "{who} 请求加您为好友"],
  accept: ["Accept", "同意"],
  reject: ["Reject", "拒绝"],

  // A conversation.
  choose: ["Choose a conversation.", "请选择一个会话。"],
  back: ["Back to the list", "返回列表"],
  details: ["Details", "详情"],
  messages: [
    "Messages; the arrow keys go from one to the next", "消息，可用方向键逐条浏览",
  ],
  write_to: ["Message to {who}", "发送给 {who}"],
  send: ["Send", "发送"],
  earlier: ["Earlier messages", "更早的消息"],
  beginning: ["The conversation begins here.", "会话从这里开始。"],
  new_messages: ["New messages", "新消息"],
  to_newest: ["To the newest message", "跳到最新消息"],
  history_failed: ["The history could not be read: {why}", "无法读取历史消息：{why}"],
  today: ["Today", "今天"],
  yesterday: ["Yesterday", "昨天"],
  system_mark: ["system message", "系统消息"],
  state_sending: ["Sending", "发送中"],
  state_kept: ["On the server's disk", "已写入服务器磁盘"],
  state_received: ["Received", "已送达"],
  state_read: ["Read", "已读"],
  who_read: ["Press to see how many have read it", "按此查看已读人数"],
  read_by: ["{read} of {total} have read it", "{total} 人中 {read} 人已读"],
  state_failed: ["Not sent: {why}", "未发送：{why}"],
  state_unknown: ["Perhaps not sent", "可能未发送"],
  state_aside: [
    "The server was restored to an earlier state. Perhaps not sent",
    "服务器已恢复到较早的状态，此消息可能未发送",
  ],
  try_again: ["Try again", "重试"],
  discard: ["Discard", "丢弃"],
  sure_discard: ["This message was not sent. Its text will be lost.", "这条消息未发送，丢弃后内容无法找回。"],
  sure_discard_unknown: [
    "It is not known whether this message was sent. If it was not, its text will be lost.",
    "无法确定这条消息是否已发送。如果没有发送，丢弃后内容无法找回。",
  ],
  length: ["{length} of {max} bytes", "{length} / {max} 字节"],
  send_parts: ["Send as {count} messages", "分成 {count} 条发送"],
  far_too_long: ["Too long, even for {count} messages.", "太长，分成 {count} 条也放不下。"],
  not_friends: ["You and {who} are not friends.", "您和 {who} 不是好友。"],
  group_ended: ["You are not in this group any more.", "您已不在这个群中。"],
  group_blocked: ["An administrator has blocked this group.", "该群已被管理员封禁。"],
  notices_only: ["You cannot reply here.", "此处不能回复。"],

  // Events, told where they belong.
  event_friend_added: ["{who} and you are friends now.", "{who} 和您已成为好友。"],
  event_friend_requested: ["{who} asks to be your friend.", "{who} 请求加您为好友。"],
  event_friend_rejected: ["{who} rejected your friend request.", "{who} 拒绝了您的好友请求。"],
  event_friend_removed: ["{who} ended your friendship.", "{who} 已解除与您的好友关系。"],
  event_group_added: ["{who} brought you into this group.", "{who} 将您加入了此群。"],
  event_group_joined: ["{who} is in the group now.", "{who} 加入了群。"],
  event_group_removed: ["{who} took you out of this group.", "{who} 将您移出了此群。"],
  event_group_left: ["{who} left the group.", "{who} 退出了群。"],
  event_group_deleted: ["{who} deleted this group.", "{who} 解散了此群。"],
  event_group_blocked: ["An administrator blocked this group.", "管理员封禁了此群。"],
  event_group_unblocked: ["An administrator opened this group again.", "管理员解封了此群。"],

  // Panels.
  close: ["Close", "关闭"],
  add_friend: ["Add a friend", "添加好友"],
  add_friend_hint: ["Their name, as they registered it", "对方注册时的用户名"],
  add: ["Add", "添加"],
  create_group: ["Create a group", "创建群"],
  group_name: ["Group name", "群名"],
  create: ["Create", "创建"],
  end_friendship: ["End the friendship", "解除好友关系"],
  members: ["Members", "成员"],
  owner: ["owner", "群主"],
  you: ["you", "我"],
  bring_in: ["Bring somebody in", "拉人入群"],
  remove: ["Remove", "移出"],
  leave_group: ["Leave the group", "退出群"],
  delete_group: ["Delete the group", "解散群"],
  cancel: ["Cancel", "取消"],
  sure_end_friendship: [
    "{who} and you will no longer be friends, and cannot write to each other. {who} is told.",
    "您和 {who} 将不再是好友，也不能互发消息。{who} 会收到通知。",
  ],
  sure_remove: [
    "{who} will be removed from {group}, and is told. They can no longer write there or read new messages.",
    "{who} 将被移出 {group}，并会收到通知。此后不能再在群中发送消息，也看不到新的群消息。",
  ],
  sure_leave_group: [
    "You will leave {group}. You can no longer write there or read new messages. Only {who} can bring you back.",
    "您将退出 {group}，此后不能再在群中发送消息，也看不到新的群消息。只有 {who} 能再拉您入群。",
  ],
  sure_delete_group: [
    "{group} will be deleted for all its members ({count}). They can no longer write there, and are told. This cannot be undone.",
    "{group} 将对所有成员（共 {count} 人）解散。他们不能再在群中发送消息，并会收到通知。此操作无法撤销。",
  ],
  language: ["Language", "语言"],
  change_password: ["Change the password", "修改密码"],
  old_password: ["Old password", "旧密码"],
  new_password: ["New password", "新密码"],
  change: ["Change", "修改"],
  sign_out: ["Sign out", "退出登录"],
  sure_sign_out: [
    "Messages that were not sent, or perhaps not sent: {count}. The unsent ones will be lost.",
    "有 {count} 条消息未发送或无法确定是否已发送。退出后，未发送的内容将丢失。",
  ],

  // The administrator's.
  users: ["Users", "用户"],
  groups: ["Groups", "群"],
  to_everyone: ["To everyone", "广播"],
  acts: ["What was done", "操作记录"],
  find_act: ["Find an act by who did it, what it was, or to whom", "按操作者、操作或对象查找"],
  operator: ["the operator", "运维人员"],
  figures: ["Figures", "统计"],
  figure_connections: ["Connections", "连接数"],
  figure_users_online: ["Users online", "在线用户"],
  figure_users: ["Users", "用户"],
  figure_messages: ["Messages in the log", "消息总数"],
  figure_appended: ["Messages since the start", "启动后消息数"],
  figure_expired: ["Messages removed, too old", "过期清除的消息"],
  figure_deliveries: ["Deliveries since the start", "启动后投递数"],
  figure_requests_done: ["Requests done", "完成的请求"],
  figure_sign_ins: ["Sign-ins with a password", "密码登录次数"],
  figure_accepted: ["Connections accepted", "接受的连接"],
  figure_handshakes: ["TLS handshakes", "TLS 握手次数"],
  figure_hashes_waiting: ["Password hashes waiting", "等待的密码计算"],
  figure_readers_behind: ["Readers behind", "落后的接收者"],
  figure_send_bytes: ["Bytes waiting to be sent", "待发送字节"],
  figure_database_bytes: ["Database bytes", "数据库字节"],
  figure_uptime_seconds: ["Uptime in seconds", "运行秒数"],
  figure_ticks: ["Ticks", "循环次数"],
  figure_commits: ["Ticks with a commit", "提交次数"],
  figure_tick_micros_p50: ["Tick time p50 in microseconds", "循环耗时 p50（微秒）"],
  figure_tick_micros_p99: ["Tick time p99 in microseconds", "循环耗时 p99（微秒）"],
  figure_tick_micros_p999: ["Tick time p99.9 in microseconds", "循环耗时 p99.9（微秒）"],
  figure_resting: ["Resting connections", "暂停的连接"],
  figure_refusals: ["Refused requests", "拒绝的请求"],
  figure_closes: ["Ended connections", "结束的连接"],
  only_online: ["Only online users", "仅在线"],
  find_user: ["Find a user", "查找用户"],
  find_group: ["Find a group", "查找群"],
  administrator: ["administrator", "管理员"],
  blocked: ["blocked", "已封禁"],
  block: ["Block", "封禁"],
  unblock: ["Unblock", "解封"],
  sure_block_user: [
    "{who} is signed out at once, and cannot sign in until somebody unblocks them.",
    "{who} 将立即被迫下线，解封前无法登录。",
  ],
  sure_block_group: [
    "Nobody can write in {group} until somebody unblocks it. Its members are told.",
    "解封前任何人都不能在 {group} 中发送消息，成员会收到通知。",
  ],
  message: ["Message", "消息"],
  system_to: ["System message to {who}", "发给 {who} 的系统消息"],
  broadcast_hint: [
    "Everyone gets it as a system message, also users who are offline.",
    "所有人都会收到这条系统消息，离线用户上线后也会收到。",
  ],
  more_rows: ["{count} more; find them by name.", "另有 {count} 个，请按名字查找。"],
  refresh: ["Refresh", "刷新"],
};

/** The figures of `stats`, in the order in which they are shown. */
export const FIGURES = Object.keys(WORDS).flatMap((key) => key.match(/^figure_(.*)/)?.[1] ?? []);

export const LANGS = [["en", "English"], ["zh", "中文"]];

let lang = "en";

/** The language that the page speaks: `en` or `zh`. */
export function currentLang() {
  return lang;
}

/** Sets the language of the page: `zh…` is Chinese, all else English. */
export function setLang(tag) {
  lang = /^zh/i.test(tag) ? "zh" : "en";
  return lang;
}

/** The text with its blanks filled. */
export function say(key, blanks = {}) {
  return fill(WORDS[key][lang === "zh" ? 1 : 0], blanks).join("");
}

/** The text as parts; `mark` makes the parts from blanks, so that a name can look different. */
export function sayParts(key, blanks, mark) {
  return fill(WORDS[key][lang === "zh" ? 1 : 0], blanks, mark);
}

function fill(text, blanks, mark = (part) => part) {
  // Every second part is the name of a blank.
  return text.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? mark(String(blanks[part])) : part));
}
