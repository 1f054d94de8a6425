//! What this program does when it is started once more, in the client's namespace.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use natscope::drive::port_mapping::{Way, ask};
use natscope::probe::PortMappingService;

/// The variable that names the job: a service as JSON, or [`MAP`]. The program is the tests without it.
pub(crate) const JOB: &str = "NATSCOPE_PORT_MAPPING_JOB";
/// The variable that names whom to ask.
pub(crate) const ROUTER: &str = "NATSCOPE_PORT_MAPPING_ROUTER";
/// The job of asking for a mapping, which natscope never does.
pub(crate) const MAP: &str = "map";
/// What stands before the outcome in what is printed.
pub(crate) const OUTCOME: &str = "OUTCOME ";

pub(crate) fn run(job: &str) {
    let router: IpAddr = std::env::var(ROUTER).unwrap().parse().unwrap();
    if job == MAP {
        return map(router);
    }
    let service: PortMappingService = serde_json::from_str(job).unwrap();
    let way = Way {
        local: None,
        interface: fs::read_to_string("/sys/class/net/eth0/ifindex").unwrap().trim().parse().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(ask(service, router, way, Duration::from_secs(3)));
    println!("{OUTCOME}{}", serde_json::to_string(&outcome).unwrap());
}

/// NAT-PMP: UDP 40000 to 40000 for 120 s.
fn map(router: IpAddr) {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    socket.connect((router, 5351)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send(&[0, 1, 0, 0, 0x9c, 0x40, 0x9c, 0x40, 0, 0, 0, 120]).unwrap();
    let mut answer = [0; 16];
    assert_eq!(socket.recv(&mut answer).unwrap(), 16);
    assert_eq!(answer[..4], [0, 129, 0, 0]);
}
