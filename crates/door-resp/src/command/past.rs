//! What goes past the door and is no work on values.

use flow::feed::Purge as What;
use flow::question::cache::Purge;

use super::across::{copy_far, move_key};
use super::connection::{DATABASES, auth, hello};
use super::describe::info;
use super::{Arguments, Command, Done, Here, Wrong};
use crate::connection::{Client, Workshop};

pub(super) static COMMANDS: &[Command] = &[
    Command::here("flushall", -1, Here::FlushAll)
        .of("server")
        .does("Drops everything in every database"),
    Command::here("stockade.purge", -2, Here::Purge)
        .of("stockade")
        .does("Drops values on every node: KEY k, TAG t, GLOB g or ALL"),
];

/// Does it.
pub(crate) async fn here<P: Workshop>(
    client: &mut Client<P>,
    what: Here,
    arguments: Arguments<'_>,
) -> Done {
    match what {
        Here::Auth => auth(client, arguments).await,
        Here::Hello => hello(client, arguments).await,
        Here::Exec => client.exec().await,
        Here::Watch => client.watch(arguments).await,
        Here::Info => info(client, arguments).await,
        Here::Move => move_key(client, arguments).await,
        Here::Copy => copy_far(client, arguments).await,
        Here::FlushAll => flush_all(client, arguments).await,
        Here::Purge => purge(client, arguments).await,
    }
}

async fn flush_all<P: Workshop>(client: &mut Client<P>, arguments: Arguments<'_>) -> Done {
    let said = arguments.len() == 1 || arguments.is(1, "ASYNC") || arguments.is(1, "SYNC");
    if !said || arguments.len() > 2 {
        return Err(Wrong::SYNTAX);
    }
    let mut done = Ok(());
    let hub = client.session.hub.clone();
    let databases = (0..DATABASES).map(|number| format!("db{number}"));
    let led = hub.prefixes.namespaces().map(str::to_owned);
    for namespace in databases.chain(led) {
        done = client.clear(&namespace).await;
        if done.is_err() {
            break;
        }
    }
    client.session.hub.tracking.all_changed(&client.session.tenant);
    done?;
    client.session.replies.ok();
    Ok(())
}

/// `STOCKADE.PURGE KEY k | TAG t | GLOB g | ALL`: drops on every node.
async fn purge<P: Workshop>(client: &mut Client<P>, arguments: Arguments<'_>) -> Done {
    let text = || arguments.text(2).map(str::to_owned);
    let what = match arguments.len() {
        2 if arguments.is(1, "ALL") => Some(What::All),
        3 if arguments.is(1, "KEY") => arguments.get(2).map(|key| What::Key(key.to_vec())),
        3 if arguments.is(1, "TAG") => text().map(What::Tag),
        3 if arguments.is(1, "GLOB") => text().map(What::Glob),
        _ => None,
    };
    let what = what
        .ok_or(Wrong::said("ERR say what to purge: STOCKADE.PURGE KEY k, TAG t, GLOB g or ALL"))?;
    let namespace = client.session.namespace.clone();
    let purged = client.ask(Purge { namespace: &namespace, what }).await;
    let purged = purged.map_err(|error| Wrong::failure(&error))?;
    client.session.replies.integer(purged.memory.cast_signed());
    Ok(())
}
