//! STUN beside a UDP echo that does nothing but send back what comes: two calls of the system for each datagram.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use natscope::wire::stun::{RequestForm, TransactionId, encode_request};

use crate::process::{Process, busy};

/// Sockets that ask.
const ASKING: usize = 4;

/// Requests on their way from each.
const WINDOW: usize = 32;

/// Before it counts.
const WARM_UP: Duration = Duration::from_millis(200);

/// An answer that has not come then is lost, and one more request is sent in its place.
const PATIENCE: Duration = Duration::from_millis(200);

pub(crate) struct Answers {
    pub(crate) per_second: f64,
    /// Microseconds of a core for each of them.
    pub(crate) cpu: f64,
    /// The same of the whole machine, whoever asked and everything else included: the kernel's work is on nobody's account.
    pub(crate) machine: f64,
    /// Microseconds from a request to its answer, when it is the only one.
    pub(crate) alone: f64,
    pub(crate) lost: u64,
}

/// Echoes until the process is ended, and says where on standard output.
pub(crate) fn echo(address: &str) {
    let socket = UdpSocket::bind(address).unwrap();
    println!("{}", socket.local_addr().unwrap());
    let mut buffer = [0; 2048];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            // Who has gone meanwhile needs no answer.
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

/// As many requests as the windows allow.
pub(crate) fn ask(process: &Process, address: SocketAddr, time: Duration) -> Answers {
    let alone = alone(address);
    let (arrived, lost) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let stop = Arc::<AtomicBool>::default();
    let asking: Vec<_> = (0..ASKING)
        .map(|_| {
            let (arrived, lost, stop) = (Arc::clone(&arrived), Arc::clone(&lost), Arc::clone(&stop));
            std::thread::spawn(move || {
                let (socket, request) = (asking(address), request());
                let mut buffer = [0; 2048];
                (0..WINDOW).for_each(|_| drop(socket.send(&request)));
                while !stop.load(Ordering::Relaxed) {
                    let counter = if socket.recv(&mut buffer).is_ok() { &arrived } else { &lost };
                    counter.fetch_add(1, Ordering::Relaxed);
                    let _ = socket.send(&request);
                }
            })
        })
        .collect();
    std::thread::sleep(WARM_UP);
    let (began, cpu, machine, before) = (Instant::now(), process.cpu(), busy(), arrived.load(Ordering::Relaxed));
    std::thread::sleep(time);
    let (took, cpu, machine) = (began.elapsed(), process.cpu() - cpu, busy() - machine);
    let count = (arrived.load(Ordering::Relaxed) - before) as f64;
    stop.store(true, Ordering::Relaxed);
    for thread in asking {
        thread.join().unwrap();
    }
    Answers {
        per_second: count / took.as_secs_f64(),
        cpu: cpu * 1e6 / count,
        machine: machine * 1e6 / count,
        alone,
        lost: lost.load(Ordering::Relaxed),
    }
}

/// The median of requests that are sent one at a time.
fn alone(address: SocketAddr) -> f64 {
    let (socket, request) = (asking(address), request());
    let mut buffer = [0; 2048];
    crate::median((0..2000).map(|_| {
        let sent = Instant::now();
        socket.send(&request).unwrap();
        socket.recv(&mut buffer).unwrap();
        sent.elapsed().as_secs_f64() * 1e6
    }))
}

fn asking(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn request() -> Vec<u8> {
    encode_request(TransactionId([7; 12]), RequestForm::Tailnode, None).unwrap()
}
