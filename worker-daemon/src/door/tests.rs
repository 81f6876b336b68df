use super::*;
use std::{
    io::Read,
    os::unix::net::UnixStream as Std,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc as threads,
    },
};

const MEMBER: Peer = Peer { uid: 4242, gid: 4242, pid: None };
const GROUP: Gid = Gid::from_raw(4343);

#[test]
fn a_flood_of_refusals_is_a_few_lines() {
    let (mut bound, start) = (LogBound::default(), Instant::now());
    let logged = (0..1000).filter(|_| bound.pass(start).is_some()).count();
    assert_eq!(logged, 10);
    assert_eq!(bound.pass(start + LogBound::WINDOW), Some(990), "the next line tells how many there were");
    assert_eq!(bound.pass(start + LogBound::WINDOW), Some(0));
}

/// Look-ups that all find a member, once the other end of the gate is dropped.
struct Directory {
    gate: Mutex<threads::Receiver<()>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Directory {
    fn closed() -> (Arc<Self>, threads::Sender<()>) {
        let (closed, gate) = threads::channel();
        let directory = Self { gate: Mutex::new(gate), now: AtomicUsize::new(0), most: AtomicUsize::new(0) };
        (Arc::new(directory), closed)
    }

    fn look_up(&self) -> bool {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _opened = self.gate.lock().unwrap().recv();
        self.now.fetch_sub(1, Ordering::SeqCst);
        true
    }
}

fn keeper(
    directory: &Arc<Directory>,
    max_clients: usize,
    shutdown: &Shutdown,
) -> (Doorkeeper, mpsc::Receiver<ClientEvent>) {
    let (events, from_clients) = mpsc::channel(1024);
    let door = Door {
        rule: Rule::new(None),
        path: PathBuf::new(),
        max_clients,
        limits: ClientLimits { line: 1 << 20, queue: 1 << 20 },
        events,
        shutdown: shutdown.clone(),
    };
    let directory = directory.clone();
    (Doorkeeper::with(door, Box::new(move |_, _| directory.look_up())), from_clients)
}

/// Connections that need a look-up.
fn come(keeper: &Doorkeeper, n: u64) -> Vec<Std> {
    let come = |conn| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        keeper.look_up(ConnId(conn), ours, MEMBER, GROUP);
        theirs.into_std().unwrap()
    };
    (0..n).map(come).collect()
}

/// The code of the refusal that this one can read by now.
fn refusal(stream: &mut Std) -> Option<i64> {
    let mut text = [0; 1024];
    let read = stream.read(&mut text).ok()?;
    let line: serde_json::Value = serde_json::from_slice(&text[..read]).expect("a refusal");
    line["error"]["code"].as_i64()
}

#[tokio::test]
async fn a_burst_of_members_is_let_in() {
    let ((directory, closed), shutdown) = (Directory::closed(), Shutdown::new());
    let (keeper, mut from_clients) = keeper(&directory, 64, &shutdown);
    let theirs = come(&keeper, 64);
    drop(closed);
    let inside = async {
        // Kept: whoever drops what it holds ends the connection.
        let mut inside = Vec::new();
        while inside.len() < theirs.len() {
            let came = from_clients.recv().await.unwrap();
            assert!(matches!(came, ClientEvent::Connected { operator: false, .. }));
            inside.push(came);
        }
        inside
    };
    let _inside =
        tokio::time::timeout(Duration::from_secs(10), inside).await.expect("all of them inside in time");
    assert!(directory.most.load(Ordering::SeqCst) <= LOOKUPS, "too many look-ups at once");
    assert_eq!(keeper.0.places.available_permits(), 0, "each has one place");
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_hangs_keeps_no_places() {
    const PLACES: usize = LOOKUPS + 1;
    let ((directory, closed), shutdown) = (Directory::closed(), Shutdown::new());
    let (keeper, _from_clients) = keeper(&directory, PLACES, &shutdown);
    let mut theirs = come(&keeper, PLACES as u64 + 1);
    settle().await;
    let mut late = theirs.pop().unwrap();
    assert_eq!(refusal(&mut late), Some(code::OVERLOADED), "one past the places");
    assert!(theirs.iter_mut().all(|stream| refusal(stream).is_none()), "they wait");
    tokio::time::advance(LOOKUP).await;
    settle().await;
    for stream in &mut theirs {
        assert_eq!(refusal(stream), Some(code::FORBIDDEN), "like a stranger");
    }
    assert_eq!(keeper.0.places.available_permits(), PLACES);
    drop(closed);
}

/// Everything that can go on without a thread or the clock has.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}
