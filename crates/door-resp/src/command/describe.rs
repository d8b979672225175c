//! What the door says of itself: its commands, its settings, how it is doing.

use std::sync::atomic::Ordering::Relaxed;

use flow::question::cache::Deed;
use values::glob;

use super::connection::DATABASES;
use super::help::help;
use super::{Arguments, Command, Done, Here, Keys, Run, Wrong, all, find, misused_part, part};
use crate::connection::{Client, Workshop};
use crate::reply::Replies;
use crate::session::Session;

pub(super) static COMMANDS: &[Command] = &[
    Command::says("command", -1, commands)
        .of("server")
        .since("2.8.13")
        .does("Describes the commands"),
    Command::says("config", -2, config)
        .of("server")
        .since("2.0.0")
        .does("Shows and changes settings"),
    Command::says("time", 1, time).of("server").since("2.6.0").does("Says what time it is"),
    Command::here("info", -1, Here::Info).of("server").does("Says how the door is doing"),
    Command::says("lastsave", 1, |session, _| {
        let secs = session.hub.clock.now().secs();
        session.replies.integer(secs.cast_signed());
        Ok(())
    })
    .of("server")
    .does("Says when all was last kept: now, always"),
    scripts("eval"),
    scripts("evalsha"),
    scripts("eval_ro"),
    scripts("evalsha_ro"),
    scripts("fcall"),
    scripts("fcall_ro"),
    scripts("script"),
    scripts("function"),
];

const fn scripts(name: &'static str) -> Command {
    Command::says(name, -2, |_, arguments| {
        let name = String::from_utf8_lossy(arguments.at(0)).to_ascii_lowercase();
        let advice = "MULTI and WATCH carry several commands out together";
        Err(format!("ERR '{name}' is not supported: there are no scripts here; {advice}").into())
    })
    .of("scripting")
    .since("2.6.0")
    .does("Says that there are no scripts")
}

static COMMAND: &[&str] = &[
    "(no subcommand)",
    "    All commands.",
    "COUNT",
    "    How many there are.",
    "DOCS [<command-name> ...]",
    "    What commands are for.",
    "GETKEYS <full-command>",
    "    Which words of a command are keys.",
    "INFO [<command-name> ...]",
    "    How commands are said.",
    "LIST",
    "    Their names.",
];

static CONFIG: &[&str] = &[
    "GET <pattern>",
    "    The settings with such names.",
    "SET <directive> <value>",
    "    Changes a setting until the server ends.",
    "RESETSTAT",
    "    Counts from nothing again.",
];

fn commands(session: &mut Session, arguments: Arguments<'_>) -> Done {
    if arguments.len() > 1 {
        let parts =
            [("count", 2), ("docs", -2), ("getkeys", -4), ("help", 2), ("info", -2), ("list", -2)];
        if part("COMMAND", arguments, &parts)? == "help" {
            help(&mut session.replies, "COMMAND", COMMAND);
            return Ok(());
        }
    }
    let replies = &mut session.replies;
    let named = |from| arguments.from(from).map(find).collect::<Vec<_>>();
    match () {
        () if arguments.len() == 1 => describe(replies, &all().map(Some).collect::<Vec<_>>()),
        () if arguments.is(1, "INFO") && arguments.len() == 2 => {
            describe(replies, &all().map(Some).collect::<Vec<_>>());
        }
        () if arguments.is(1, "INFO") => describe(replies, &named(2)),
        () if arguments.is(1, "COUNT") && arguments.len() == 2 => {
            replies.integer(all().count() as i64);
        }
        () if arguments.is(1, "LIST") && arguments.len() == 2 => {
            replies.array(all().count());
            all().for_each(|command| replies.bulk(command.name.as_bytes()));
        }
        () if arguments.is(1, "DOCS") => {
            let asked: Vec<_> = match arguments.len() {
                2 => all().collect(),
                _ => named(2).into_iter().flatten().collect(),
            };
            replies.map(asked.len());
            asked.into_iter().for_each(|command| document(replies, command));
        }
        () if arguments.is(1, "GETKEYS") && arguments.len() > 2 => {
            let words = arguments.after(2);
            let command = find(words.at(0));
            let command = command.ok_or(Wrong::said("ERR Invalid command specified"))?;
            if !command.takes_words(words.len()) {
                return Err(Wrong::said("ERR Invalid number of arguments specified for command"));
            }
            let keys = command.keys_of(words);
            if keys.is_empty() {
                return Err(Wrong::said("ERR The command has no key arguments"));
            }
            replies.array(keys.len());
            keys.into_iter().for_each(|at| replies.bulk(words.at(at)));
        }
        () => return Err(misused_part("COMMAND", arguments)),
    }
    Ok(())
}

fn describe(replies: &mut Replies, commands: &[Option<&Command>]) {
    replies.array(commands.len());
    for command in commands {
        let Some(command) = command else {
            replies.null_array();
            continue;
        };
        let (first, last, step) = match command.keys {
            Keys::None | Keys::Counted(_) | Keys::After(_) => (0, 0, 0),
            Keys::Span(first, last, step) => (first, last, step),
            Keys::FirstAndCounted(_) | Keys::FirstAndAfter(_) => (1, 1, 1),
        };
        replies.array(10);
        replies.bulk(command.name.as_bytes());
        replies.integer(command.arity.into());
        let flags = flags(command);
        replies.set(flags.len());
        flags.iter().for_each(|flag| replies.simple(flag));
        replies.integer(first as i64);
        replies.integer(last as i64);
        replies.integer(step as i64);
        // Categories, hints, places of keys and second words.
        replies.set(0);
        replies.array(0);
        replies.array(0);
        replies.array(0);
    }
}

fn flags(command: &Command) -> Vec<&'static str> {
    let mut flags = Vec::new();
    match command.deed {
        Some(Deed::Read) => flags.push("readonly"),
        Some(_) if command.is_work() => flags.push("write"),
        _ => {}
    }
    if matches!(command.run, Run::Wait(..)) {
        flags.push("blocking");
    }
    if command.listening && command.group == "pubsub" {
        flags.push("pubsub");
    }
    if command.fast {
        flags.push("fast");
    }
    if matches!(command.name, "auth" | "hello" | "quit" | "reset") {
        flags.push("no_auth");
    }
    flags
}

fn document(replies: &mut Replies, command: &Command) {
    replies.bulk(command.name.as_bytes());
    replies.map(3);
    for (name, text) in
        [("summary", command.summary), ("since", command.since), ("group", command.group)]
    {
        replies.bulk(name.as_bytes());
        replies.bulk(text.as_bytes());
    }
}

/// What can be asked of the settings, in the words of Redis.
fn settings(session: &Session) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("appendonly", "no".to_owned()),
        ("databases", DATABASES.to_string()),
        ("latency-monitor-threshold", session.hub.latency.threshold.load(Relaxed).to_string()),
        ("latency-tracking", "no".to_owned()),
        ("maxclients", session.limits.connections.to_string()),
        ("notify-keyspace-events", session.hub.notices.letters(&session.tenant)),
        ("proto-max-bulk-len", session.limits.value.to_string()),
        ("save", String::new()),
        ("tracking-table-max-keys", session.hub.tracking.most.load(Relaxed).to_string()),
        ("timeout", session.limits.idle.as_secs().to_string()),
    ];
    settings.extend(super::others::slow_settings(session));
    settings
}

fn config(session: &mut Session, arguments: Arguments<'_>) -> Done {
    let parts = [("get", -3), ("help", 2), ("resetstat", 2), ("set", -4)];
    match () {
        () if part("CONFIG", arguments, &parts)? == "help" => {
            help(&mut session.replies, "CONFIG", CONFIG);
            Ok(())
        }
        () if arguments.is(1, "GET") && arguments.len() > 2 => {
            let mut settings = settings(session);
            settings.retain(|(name, _)| {
                let name = name.as_bytes();
                arguments.from(2).any(|asked| glob::matches(&asked.to_ascii_lowercase(), name))
            });
            session.replies.map(settings.len());
            for (name, value) in settings {
                session.replies.bulk(name.as_bytes());
                session.replies.bulk(value.as_bytes());
            }
            Ok(())
        }
        () if arguments.is(1, "SET") && arguments.len() > 3 => set(session, arguments),
        () if arguments.is(1, "RESETSTAT") && arguments.len() == 2 => {
            session.hub.commands.take();
            session.replies.ok();
            Ok(())
        }
        () => Err(misused_part("CONFIG", arguments)),
    }
}

fn set(session: &mut Session, arguments: Arguments<'_>) -> Done {
    if arguments.len().is_multiple_of(2) {
        for at in (2..arguments.len()).step_by(2) {
            let (slow, value) = (&session.hub.slow, arguments.integer(at + 1));
            match () {
                () if arguments.is(at, "slowlog-log-slower-than") => {
                    slow.slower_than.store(value?, Relaxed);
                }
                () if arguments.is(at, "slowlog-max-len") => {
                    let most = usize::try_from(value?).map_err(|_| Wrong::NOT_AN_INTEGER)?;
                    slow.most.store(most, Relaxed);
                }
                () if arguments.is(at, "notify-keyspace-events") => {
                    if !session.hub.notices.want(&session.tenant, arguments.at(at + 1)) {
                        return Err(Wrong::said(
                            "ERR CONFIG SET failed (possibly related to argument \
                             'notify-keyspace-events') - Invalid event class character. Use \
                             'Ag$lshzxeKEtmdn'.",
                        ));
                    }
                }
                () if arguments.is(at, "latency-monitor-threshold") => {
                    let least = u64::try_from(value?).map_err(|_| Wrong::NOT_AN_INTEGER)?;
                    session.hub.latency.threshold.store(least, Relaxed);
                }
                () if arguments.is(at, "tracking-table-max-keys") => {
                    let most = usize::try_from(value?).map_err(|_| Wrong::NOT_AN_INTEGER)?;
                    session.hub.tracking.remember(most);
                }
                () => {
                    let name = String::from_utf8_lossy(arguments.at(at)).into_owned();
                    let known = settings(session).iter().any(|(known, _)| *known == name);
                    return Err(match known {
                        true => format!(
                            "ERR CONFIG SET failed (possibly related to argument '{name}') - can't \
                             set immutable config: it is in the server's configuration file"
                        ),
                        false => format!(
                            "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
                        ),
                    }
                    .into());
                }
            }
        }
        session.replies.ok();
        return Ok(());
    }
    Err(Wrong::arity("config|set"))
}

fn time(session: &mut Session, _: Arguments<'_>) -> Done {
    let now = session.hub.clock.now();
    let micros = now.0 / 1_000 % 1_000_000;
    session.replies.array(2);
    session.replies.bulk(now.secs().to_string().as_bytes());
    session.replies.bulk(micros.to_string().as_bytes());
    Ok(())
}

/// `INFO`: sections of lines, those asked for or all.
pub(super) async fn info<P: Workshop>(client: &mut Client<P>, arguments: Arguments<'_>) -> Done {
    let wanted = |name: &str| {
        let any = ["all", "default", "everything", name];
        arguments.len() == 1
            || (1..arguments.len()).any(|at| any.iter().any(|n| arguments.is(at, n)))
    };
    let mut sections = Vec::new();
    let hub = client.session.hub.clone();
    let up = hub.clock.moment().since(hub.begun).as_secs();
    if wanted("server") {
        sections.push(format!(
            "# Server\r\nredis_version:7.0.0\r\nserver_name:stockade\r\nstockade_version:{}\r\n\
             redis_mode:standalone\r\nprocess_id:{}\r\nuptime_in_seconds:{up}\r\n\
             uptime_in_days:{}\r\n",
            env!("CARGO_PKG_VERSION"),
            std::process::id(),
            up / 86_400,
        ));
    }
    if wanted("clients") {
        let limit = client.session.limits.connections;
        let count = hub.cards().len();
        sections.push(format!("# Clients\r\nconnected_clients:{count}\r\nmaxclients:{limit}\r\n"));
    }
    if wanted("stats") {
        let count = hub.commands.sum();
        sections.push(format!("# Stats\r\ntotal_commands_processed:{count}\r\n"));
    }
    if wanted("replication") {
        sections.push("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n".into());
    }
    if wanted("keyspace") {
        sections.push(keyspace(client).await);
    }
    client.session.replies.verbatim(&sections.join("\r\n"));
    Ok(())
}

/// How many keys there are in each database the caller may read.
async fn keyspace<P: Workshop>(client: &mut Client<P>) -> String {
    let mut text = "# Keyspace\r\n".to_owned();
    for number in 0..DATABASES {
        let count = client.count(&format!("db{number}")).await.unwrap_or(0);
        if count > 0 {
            text.push_str(&format!("db{number}:keys={count},expires=0,avg_ttl=0\r\n"));
        }
    }
    text
}
