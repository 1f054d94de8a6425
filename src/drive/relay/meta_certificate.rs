//! The certificate that tells clients the relay's key within the TLS handshake, so that they need not wait for an HTTP
//! response ("fast start"). It proves nothing: clients check neither its dates nor its signature.

use std::io;
use std::time::{Duration, SystemTime};

use rcgen::string::PrintableString;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, KeyPair, PKCS_ED25519, SerialNumber,
};
use rustls::pki_types::CertificateDer;

use crate::model::NodePublic;
use crate::wire::upgrade::meta_certificate_name;

/// The version of the DERP protocol, as the serial number.
const VERSION: u8 = 2;
/// 2.5.29.19 (RFC 5280 section 4.2.1.9); by default the subject is no authority.
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const EMPTY_SEQUENCE: &[u8] = &[0x30, 0];
/// What derper's has around its start.
const VALID: Duration = Duration::from_secs(30 * 24 * 3600);

/// A fresh one for the relay with this public key.
pub(super) fn meta_certificate(key: &NodePublic, now: SystemTime) -> io::Result<CertificateDer<'static>> {
    let signer = KeyPair::generate_for(&PKCS_ED25519);
    signer
        .and_then(|signer| make(key, &signer, (now - VALID, now + VALID)))
        .map_err(|error| io::Error::other(format!("cannot make the certificate that tells the relay's key: {error}")))
}

fn make(
    key: &NodePublic,
    signer: &KeyPair,
    (not_before, not_after): (SystemTime, SystemTime),
) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    let name = PrintableString::try_from(meta_certificate_name(key))?;
    subject.push(DnType::CommonName, DnValue::PrintableString(name));
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from_slice(&[VERSION]));
    // `IsCa::ExplicitNoCa` would add a key identifier, which derper's has not.
    let mut no_authority = CustomExtension::from_oid_content(BASIC_CONSTRAINTS, EMPTY_SEQUENCE.to_vec());
    no_authority.set_criticality(true);
    params.custom_extensions = vec![no_authority];
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    Ok(params.self_signed(signer)?.der().clone())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::*;

    /// As derper makes it of the same seed, name and dates.
    const VECTOR: &str = concat!(
        "3082016330820115a003020102020102300506032b657030523150304e06035504031347646572706b657939306661366466656530",
        "333263653566383035396132616233316466313632316363623038356539613637623137626639643163363065363331623936373035",
        "301e170d3236303130313030303030305a170d3236303330323030303030305a30523150304e06035504031347646572706b65793930",
        "666136646665653033326365356638303539613261623331646631363231636362303835653961363762313762663964316336306536",
        "3331623936373035302a300506032b65700321002e15a40b819b4eb3b30874e304cc9e4330359b2652297d9c54b08e27f35bdd65a310",
        "300e300c0603551d130101ff04023000300506032b6570034100557238eb7525ef010094e3aaca77bccc550f4a28bbd9faf4061a3027",
        "6e051d3d465796dc7aadf06d0953559fe9624c8a604ead7f87dbc32fb56fed28ef584401"
    );
    const SEED: &str = "63b80bd5db5b9b1f29f17d02a1ce83ee39bde681ddbdd25ab6120f6b6e18bb7d";
    const KEY: &str = "90fa6dfee032ce5f8059a2ab31df1621ccb085e9a67b17bf9d1c60e631b96705";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn it_is_derpers_byte_for_byte() {
        let pkcs8 = [bytes("302e020100300506032b657004220420"), bytes(SEED)].concat();
        let signer = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ED25519).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let key = NodePublic::from_hex(KEY).unwrap();
        let made = make(&key, &signer, (at(1_767_225_600), at(1_772_409_600))).unwrap();
        assert_eq!(made.as_ref(), bytes(VECTOR));
    }
}
