//! Any bytes: decoding never panics, an error has a place, and a decoded map survives writing and reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use natscope::derpmap::{decode, encode_json, overlay};

fuzz_target!(|bytes: &[u8]| {
    match decode("fuzz", bytes) {
        Ok(decoded) => {
            let map = overlay([decoded.layer]);
            let text = encode_json(&map).to_string();
            let again = decode("again", text.as_bytes()).expect("what is written is read back");
            assert_eq!(overlay([again.layer]), map);
        }
        Err(error) => assert!(error.line >= 1 && error.column >= 1),
    }
});
