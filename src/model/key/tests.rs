use super::{DiscoPublic, KeyError, MeshKey, NodePrivate, NodePublic};

const DIGITS: &str = "90fa6dfee032ce5f8059a2ab31df1621ccb085e9a67b17bf9d1c60e631b96705";

#[test]
fn a_key_is_read_in_either_case_and_written_in_lower() {
    for digits in [DIGITS.to_owned(), DIGITS.to_uppercase()] {
        let key: NodePublic = format!("nodekey:{digits}").parse().unwrap();
        assert_eq!(key.to_string(), format!("nodekey:{DIGITS}"));
        assert_eq!(NodePublic::from_hex(&digits), Ok(key));
    }
    let key: DiscoPublic = format!("discokey:{DIGITS}").parse().unwrap();
    assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"discokey:{DIGITS}\""));
    assert_eq!(serde_json::from_str::<DiscoPublic>(&format!("\"discokey:{DIGITS}\"")).unwrap(), key);
}

#[test]
fn other_texts_are_no_keys() {
    let prefix = KeyError::Prefix { prefix: "nodekey:" };
    for (text, wanted) in [
        (String::new(), prefix),
        (DIGITS.to_owned(), prefix),
        (format!("NodeKey:{DIGITS}"), prefix),
        (format!("discokey:{DIGITS}"), prefix),
        (format!(" nodekey:{DIGITS}"), prefix),
        ("nodekey:".to_owned(), KeyError::Length { got: 0 }),
        (format!("nodekey:{DIGITS}0"), KeyError::Length { got: 65 }),
        (format!("nodekey:{DIGITS}\n"), KeyError::Length { got: 65 }),
        (format!("nodekey:é{}", &DIGITS[1..]), KeyError::Digit { position: 1 }),
        (format!("nodekey:{}+", &DIGITS[1..]), KeyError::Digit { position: 64 }),
    ] {
        assert_eq!(text.parse::<NodePublic>(), Err(wanted), "{text}");
    }
}

#[test]
fn a_short_form_is_five_characters_and_empty_for_nobody() {
    assert_eq!(NodePublic::from_hex(DIGITS).unwrap().short(), "[kPpt/]");
    let zero = NodePublic::from_bytes([0; 32]);
    assert!(zero.is_zero());
    assert_eq!(zero.short(), "");
}

#[test]
fn a_private_key_is_clamped_when_generated_and_not_shown() {
    let key = NodePrivate::generate([0xff; 32]);
    assert_eq!((key.as_bytes()[0], key.as_bytes()[1], key.as_bytes()[31]), (248, 255, 127));
    assert_eq!(NodePrivate::generate([0; 32]).as_bytes()[31], 64);
    assert_eq!(format!("{key:?}"), "NodePrivate(secret)");
    assert_eq!(key.to_secret_text().parse::<NodePrivate>().unwrap(), key);
    assert_ne!(NodePrivate::generate([1; 32]), key);
    assert!(DIGITS.parse::<MeshKey>().is_ok());
    assert!("".parse::<MeshKey>().is_err());
}
