//! Who is at the door, and what they may do: the same as in front of Stockade's own values.

use std::future::Future;

use flow::question::cache::Deed;

use crate::command::{Arguments, Done, Here, here};
use crate::connection::{Client, Shown, Workshop};

/// A client, as far as somebody who relays has to know it.
pub(crate) trait Guest: Send {
    /// Something was heard of it just now.
    fn tick(&mut self);

    /// Whether the gate has recognised it.
    fn is_known(&self) -> bool;

    /// Whether it may do something in a database.
    fn may(&mut self, database: u32, deed: Deed, key: &[u8]) -> impl Future<Output = Done> + Send;

    /// Shows a key: `AUTH`, or what `HELLO` says of it.
    fn greets(&mut self, arguments: Arguments<'_>) -> impl Future<Output = Done> + Send;

    /// Is nobody again.
    fn reset(&mut self);
}

impl<P: Workshop> Guest for Client<P> {
    fn tick(&mut self) {
        self.glance();
    }

    fn is_known(&self) -> bool {
        Client::is_known(self)
    }

    async fn may(&mut self, database: u32, deed: Deed, key: &[u8]) -> Done {
        if *self.session.namespace.get(2..).unwrap_or_default() != *database.to_string() {
            self.session.namespace = format!("db{database}").into();
        }
        Client::may(self, deed, key).await
    }

    async fn greets(&mut self, arguments: Arguments<'_>) -> Done {
        let what = if arguments.is(0, "hello") { Here::Hello } else { Here::Auth };
        let done = here(self, what, arguments).await;
        // What is to be said is not for it to say.
        self.session.replies.out.clear();
        done
    }

    fn reset(&mut self) {
        self.session.reset();
        self.show(Shown::Nothing);
    }
}
