//! What comes before a command is carried out: waiting, and going where its keys lead.

use flow::question::cache::Deed;

use super::{Client, Next, Workshop};
use crate::command::{Arguments, Command, Wrong};

/// What changes values past the door, or may have to be told to others as changes are.
const CHANGING: [&str; 6] =
    ["flushall", "move", "pfcount", "publish", "spublish", "stockade.purge"];

impl<P: Workshop> Client<P> {
    /// Waits as long as somebody wants it of those who say this.
    pub(super) async fn pass_pause(&mut self, command: Option<&Command>) {
        let changes = |command: &Command| {
            let deed = command.deed.filter(|_| command.is_work());
            deed.is_some_and(Deed::changes) || CHANGING.contains(&command.name)
        };
        let gathered = self.session.queue.iter().flat_map(|queue| &queue.commands);
        let changes = match command {
            Some(command) if command.name == "exec" => {
                gathered.map(|queued| queued.command).any(changes)
            }
            command => command.is_some_and(changes),
        };
        if self.is_known() {
            self.session.hub.pauses.pass(self.clock(), &self.session.tenant, changes).await;
            self.at = self.clock().moment();
        }
    }

    /// Goes where the keys of a command lead, and does there what is to be done.
    pub(super) async fn led(
        &mut self,
        command: &'static Command,
        arguments: Arguments<'_>,
    ) -> Result<Next, Wrong> {
        let led = match self.session.hub.prefixes.lead(command, arguments) {
            Ok(Some(prefix)) => prefix,
            other => {
                let command = other.map(|_| command);
                return self.gathered_or_done(command, arguments).await;
            }
        };
        let places = led.strip(command, arguments);
        let home = self.session.enter(&Some(led));
        let done = self.gathered_or_done(Ok(command), arguments.at_places(&places)).await;
        self.session.leave(home);
        done
    }
}
