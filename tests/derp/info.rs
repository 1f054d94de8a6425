//! Greetings as JSON: what peers in the field write, and what they refuse.

use natscope::model::MeshKey;
use natscope::wire::derp::{ClientInfo, InfoError, ServerInfo};

const MESH: &str = "4838350739f61915a76777e9754732bd655ab96430c2c419f655494d3f7df512";

#[test]
fn a_clients_greeting_is_read_as_relays_read_it() {
    let mesh_key: MeshKey = MESH.parse().unwrap();
    let upper = MESH.to_uppercase();
    let ordinary = ClientInfo::ordinary;
    let nothing = ClientInfo::default;
    for (json, wanted) in [
        (r#"{"version":2,"CanAckPings":true}"#.to_owned(), Ok(ordinary())),
        (r#"{"VERSION":2,"canackpings":true,"more":[1]}"#.to_owned(), Ok(ordinary())),
        ("null".to_owned(), Ok(nothing())),
        (" {} ".to_owned(), Ok(nothing())),
        (r#"{"version":null,"CanAckPings":null,"IsProber":null,"AppName":null}"#.to_owned(), Ok(nothing())),
        (r#"{"version":-1}"#.to_owned(), Ok(ClientInfo { version: -1, ..nothing() })),
        (
            r#"{"mesh_key":"none","can_ack_pings":false,"version":2}"#.to_owned(),
            Ok(ClientInfo { version: 2, ..nothing() }),
        ),
        (format!(r#"{{"meshKey":"{MESH}"}}"#), Ok(ClientInfo { mesh_key: Some(mesh_key.clone()), ..nothing() })),
        (format!(r#"{{"MESHKEY":"{upper}"}}"#), Ok(ClientInfo { mesh_key: Some(mesh_key.clone()), ..nothing() })),
        (
            r#"{"IsProber":true,"AppName":"x"}"#.to_owned(),
            Ok(ClientInfo { is_prober: true, app_name: "x".into(), ..nothing() }),
        ),
        (String::new(), Err(InfoError::Json)),
        ("{".to_owned(), Err(InfoError::Json)),
        ("{} {}".to_owned(), Err(InfoError::Json)),
        ("[]".to_owned(), Err(InfoError::Object)),
        ("2".to_owned(), Err(InfoError::Object)),
        (r#"{"version":"2"}"#.to_owned(), Err(InfoError::Field { name: "version" })),
        (r#"{"version":2.5}"#.to_owned(), Err(InfoError::Field { name: "version" })),
        (r#"{"CanAckPings":1}"#.to_owned(), Err(InfoError::Field { name: "CanAckPings" })),
        (r#"{"AppName":7}"#.to_owned(), Err(InfoError::Field { name: "AppName" })),
        (r#"{"meshKey":""}"#.to_owned(), Err(InfoError::Field { name: "meshKey" })),
        (r#"{"meshKey":null}"#.to_owned(), Err(InfoError::Field { name: "meshKey" })),
        (r#"{"meshKey":"none"}"#.to_owned(), Err(InfoError::Field { name: "meshKey" })),
        (format!(r#"{{"meshKey":"{}"}}"#, &MESH[1..]), Err(InfoError::Field { name: "meshKey" })),
    ] {
        assert_eq!(ClientInfo::decode(json.as_bytes()), wanted, "{json}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(ClientInfo::decode(deep.as_bytes()), Err(InfoError::Json));
}

#[test]
fn a_relays_greeting_may_name_a_limit() {
    let limited = ServerInfo { version: 2, bytes_per_second: 1000, burst_bytes: 2000 };
    for (json, wanted) in [
        (r#"{"version":2}"#, Ok(ServerInfo::ordinary())),
        (r#"{"version":2,"TokenBucketBytesPerSecond":1000,"TokenBucketBytesBurst":2000}"#, Ok(limited)),
        (r#"{"Version":2,"tokenbucketbytespersecond":1000,"TOKENBUCKETBYTESBURST":2000}"#, Ok(limited)),
        (r#"{"version":2,"TokenBucketBytesPerSecond":-1}"#, Ok(ServerInfo::ordinary())),
        ("null", Ok(ServerInfo::default())),
        (r#"{"TokenBucketBytesBurst":"x"}"#, Err(InfoError::Field { name: "TokenBucketBytesBurst" })),
        ("", Err(InfoError::Json)),
    ] {
        assert_eq!(ServerInfo::decode(json.as_bytes()), wanted, "{json}");
    }
    assert_eq!(ServerInfo::ordinary().encode(), br#"{"version":2}"#);
}
