//! A steady load: clients of the front and of the socket, each of which asks again and again, and an account of what
//! became of every request.
//!
//! Every text carries its request's number and is compared whole, or as a beginning where the answer broke.

mod account;
mod dice;
mod http;
mod socket;

pub(crate) use account::{Account, Finish, Sent};
pub(crate) use dice::Dice;
pub(crate) use http::ask;

use gateway_tests::pair::{DEADLINE, Pair};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What clients of these tests may call.
pub(crate) const METHODS: &str = "thread/start,thread/inject_items,thread/unsubscribe,turn/start,turn/interrupt,\
model/list,thread/loaded/list";

/// Clients that go on asking until they are told to stop.
pub(crate) struct Crowd {
    stop: CancellationToken,
    asking: JoinSet<()>,
    account: Arc<Account>,
}

impl Crowd {
    /// So many clients of each kind, each with a connection of its own and one request at a time.
    pub(crate) async fn start(pair: &Pair, http: usize, socket: usize, dice: &mut Dice) -> Self {
        let (stop, account) = (CancellationToken::new(), Arc::new(Account::default()));
        let mut asking = JoinSet::new();
        for lane in 0..http {
            let url = pair.url("/v1/chat/completions");
            let dice = dice.another();
            asking.spawn(http::ask_on(format!("h{lane}"), url, dice, account.clone(), stop.clone()));
        }
        for lane in 0..socket {
            let turns = socket::Turns::connect(&pair.socket).await.expect("a connection to the daemon");
            let dice = dice.another();
            asking.spawn(socket::ask_on(format!("s{lane}"), turns, dice, account.clone(), stop.clone()));
        }
        Self { stop, asking, account }
    }

    /// What became of the requests so far; others may be added to it.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Lets everybody finish the request that runs, closes their connections and gives what became of all requests.
    pub(crate) async fn finish(self) -> Vec<Sent> {
        self.stop.cancel();
        let all = tokio::time::timeout(2 * DEADLINE, self.asking.join_all());
        all.await.expect("every request to end");
        self.account.take()
    }
}
