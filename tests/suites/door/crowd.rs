//! Many sockets at once, without a task each: opened from several addresses, so that ports don't run out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gateway_tests::pair::DEADLINE;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Connections from one address.
const PER_ADDRESS: usize = 2_000;

/// Lets this process have so many open files, as far as the system lets it; how many it may have then.
pub(crate) fn open_files() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("up to the hard limit");
    hard
}

/// Opens `count` connections that send `half` and then nothing. Those that the front closes meanwhile count.
pub(crate) async fn half_open(
    addr: SocketAddr,
    count: usize,
    half: impl Fn(usize) -> Vec<u8>,
) -> Vec<TcpStream> {
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let host = u8::try_from(2 + number / PER_ADDRESS).expect("few addresses");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0)).expect("an address");
        let stream = timeout(DEADLINE, socket.connect(addr)).await;
        let mut stream = stream.expect("a connection in time").expect("the front accepts");
        // It may be closed already: others came.
        let _sent = stream.write_all(&half(number)).await;
        open.push(stream);
    }
    open
}

/// How many of them the other side has not closed.
pub(crate) fn still_open(streams: &[TcpStream]) -> usize {
    let open = |stream: &&TcpStream| matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    streams.iter().filter(open).count()
}
