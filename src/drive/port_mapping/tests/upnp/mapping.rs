//! Mappings that are made for who was told to.

use std::sync::Mutex;

use super::*;
use crate::drive::peer::port_map::{Wanted, upnp::make};

/// A router that keeps one mapping after another, or says why not.
#[derive(Default)]
struct Router {
    /// Ports outside that belong to somebody else.
    taken: Vec<u16>,
    /// Whether it knows no mappings but those for ever.
    only_permanent: bool,
    /// What it says in place of an answer to a wish.
    instead: Option<String>,
    wan: Option<&'static str>,
    /// Port outside and lease, as they were made and not taken back.
    mappings: Mutex<Vec<(u16, u32)>>,
    wishes: AtomicUsize,
}

impl Router {
    fn handle(&self, request: &str) -> String {
        if request.starts_with("GET ") {
            return ok(&description(&[("WANIPConnection:1", "/c")]));
        }
        let number =
            |name: &str| -> Option<u32> { request.split_once(&format!("<{name}>"))?.1.split_once('<')?.0.parse().ok() };
        let port = || u16::try_from(number("NewExternalPort").unwrap()).unwrap();
        if request.contains("#GetExternalIPAddress\"") {
            return external_address(self.wan.unwrap_or("11.0.113.10"));
        }
        if request.contains("#DeletePortMapping\"") {
            self.mappings.lock().unwrap().retain(|(outside, _)| *outside != port());
            return ok("<E><DeletePortMappingResponse/></E>");
        }
        assert!(request.contains("#AddPortMapping\""), "{request}");
        self.wishes.fetch_add(1, Ordering::SeqCst);
        let lease = number("NewLeaseDuration").unwrap();
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        if self.only_permanent && lease > 0 {
            return fault(725);
        }
        if self.taken.contains(&port()) {
            return fault(718);
        }
        self.mappings.lock().unwrap().push((port(), lease));
        ok("<E><AddPortMappingResponse/></E>")
    }

    async fn serve(self) -> (Arc<Self>, u16) {
        let router = Arc::new(self);
        let serving = Arc::clone(&router);
        let (address, _) = http_service(ROUTER, move |request, mut stream| {
            let serving = Arc::clone(&serving);
            async move { stream.write_all(serving.handle(&request).as_bytes()).await }
        })
        .await;
        (router, announce(format!("http://{address}/root.xml")).await)
    }

    fn kept(&self) -> Vec<(u16, u32)> {
        self.mappings.lock().unwrap().clone()
    }
}

const PORT: u16 = 40_000;

fn wanted() -> Wanted {
    let IpAddr::V4(gateway) = ROUTER else { unreachable!() };
    Wanted { gateway, local: ROUTER, port: PORT, nonce: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }
}

async fn device(ssdp: u16) -> super::super::super::Device {
    let doors = Doors { mapping: 9, ssdp, group: None };
    super::super::super::upnp::find_at(wanted().gateway, Way::default(), doors, PATIENT).await.unwrap()
}

#[tokio::test]
async fn a_mapping_is_made_renewed_and_taken_back() {
    let (router, ssdp) = Router::default().serve().await;
    let (made, endpoint) = make(device(ssdp).await, wanted()).await.unwrap_or_else(|cause| panic!("{cause:?}"));
    assert_eq!(endpoint, "11.0.113.10:40000".parse().unwrap());
    assert_eq!(router.kept(), [(PORT, 120)]);
    assert_eq!(made.lease().renew().await, Ok(endpoint));
    assert_eq!(router.kept(), [(PORT, 120), (PORT, 120)]);
    tokio::task::spawn_blocking(move || drop(made)).await.unwrap();
    assert_eq!(router.kept(), []);
}

#[tokio::test]
async fn a_port_of_somebody_elses_is_left_to_them() {
    let (router, ssdp) = Router { taken: vec![PORT, 0xc102], ..Router::default() }.serve().await;
    let (made, endpoint) = make(device(ssdp).await, wanted()).await.unwrap_or_else(|cause| panic!("{cause:?}"));
    assert_eq!(endpoint.port(), 0xc304);
    assert_eq!(router.kept(), [(0xc304, 120)]);
    tokio::task::spawn_blocking(move || drop(made)).await.unwrap();
    assert_eq!(router.kept(), []);
}

#[tokio::test]
async fn where_there_are_only_mappings_for_ever_it_is_taken_back_all_the_same() {
    let (router, ssdp) = Router { only_permanent: true, ..Router::default() }.serve().await;
    let (made, _) = make(device(ssdp).await, wanted()).await.unwrap_or_else(|cause| panic!("{cause:?}"));
    assert_eq!(router.kept(), [(PORT, 0)]);
    tokio::task::spawn_blocking(move || drop(made)).await.unwrap();
    assert_eq!(router.kept(), []);
}

#[tokio::test]
async fn what_a_router_will_not_do_is_told_and_not_wished_for_without_end() {
    for (instead, wishes, said) in [
        (fault(718), 4, "error 718"),
        (fault(725), 2, "error 725"),
        (fault(606), 1, "error 606"),
        (ok("<E/>"), 1, "something else"),
        (ok("<E>"), 1, "control:"),
        ("garbage\r\n\r\n".to_owned(), 1, "control:"),
    ] {
        let (router, ssdp) = Router { instead: Some(instead), ..Router::default() }.serve().await;
        match make(device(ssdp).await, wanted()).await {
            Err(Cause::Malformed { problem }) => assert!(problem.contains(said), "{problem} has no {said}"),
            other => panic!("{said}: {:?}", other.map(|(_, endpoint)| endpoint)),
        }
        assert_eq!(router.wishes.load(Ordering::SeqCst), wishes, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_nobody_knows_the_address_of_is_taken_back() {
    let (router, ssdp) = Router { wan: Some("0.0.0.0"), ..Router::default() }.serve().await;
    match make(device(ssdp).await, wanted()).await {
        Err(Cause::Malformed { problem }) => assert!(problem.contains("0.0.0.0"), "{problem}"),
        other => panic!("{:?}", other.map(|(_, endpoint)| endpoint)),
    }
    assert_eq!((router.wishes.load(Ordering::SeqCst), router.kept()), (1, vec![]));
}
