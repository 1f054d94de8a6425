//! Random messages against stun-rs, in both directions.

use proptest::prelude::*;
use stun_rs::attributes::discovery::{OtherAddress, ResponseOrigin};
use stun_rs::attributes::stun::{ErrorCode, MappedAddress, Software, XorMappedAddress};
use stun_rs::{
    DecoderContextBuilder, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessage, StunMessageBuilder,
    methods,
};

use super::*;

fn endpoints() -> impl Strategy<Value = SocketAddr> {
    // IPv4-mapped IPv6 addresses are left out: we unmap them and stun-rs does not.
    let v6 = any::<(u128, u16)>().prop_map(|(address, port)| SocketAddr::from((address.to_be_bytes(), port)));
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
        v6.prop_filter("IPv4-mapped", |v6| crate::model::unmap(*v6) == *v6),
    ]
}

fn decode(datagram: &[u8]) -> Option<StunMessage> {
    let context = DecoderContextBuilder::default().with_validation().with_unknown_data().build();
    let decoder = MessageDecoderBuilder::default().with_context(context).build();
    decoder.decode(datagram).ok().filter(|(_, used)| *used == datagram.len()).map(|(message, _)| message)
}

fn encode(message: &StunMessage) -> Vec<u8> {
    let mut buffer = vec![0; 2048];
    let written = MessageEncoderBuilder::default().build().encode(&mut buffer, message).unwrap();
    buffer.truncate(written);
    buffer
}

fn xor_mapped(message: &StunMessage) -> Option<SocketAddr> {
    let found = message.get::<XorMappedAddress>()?;
    Some(*found.as_xor_mapped_address().unwrap().socket_address())
}

fn mapped(message: &StunMessage) -> Option<SocketAddr> {
    Some(*message.get::<MappedAddress>()?.as_mapped_address().unwrap().socket_address())
}

proptest! {
    #[test]
    fn we_read_what_it_writes(
        id: [u8; 12], one in endpoints(), two in endpoints(), three in endpoints(), four in endpoints(),
        software in "[a-zA-Z0-9./ -]{0,40}", fingerprint: bool,
    ) {
        let mut message = StunMessageBuilder::new(methods::BINDING, MessageClass::SuccessResponse)
            .with_transaction_id(id.into())
            .with_attribute(Software::new(&software).unwrap())
            .with_attribute(XorMappedAddress::from(one))
            .with_attribute(MappedAddress::from(two))
            .with_attribute(ResponseOrigin::from(three))
            .with_attribute(OtherAddress::from(four));
        if fingerprint {
            message = message.with_attribute(stun_rs::attributes::stun::Fingerprint::default());
        }
        let read = decode_response(&encode(&message.build())).unwrap();
        prop_assert_eq!(read.transaction, TransactionId(id));
        prop_assert_eq!((read.xor_mapped, read.mapped), (Some(one), Some(two)));
        prop_assert_eq!((read.response_origin, read.other_address), (Some(three), Some(four)));
        prop_assert_eq!(read.software, Some(software));
        prop_assert_eq!(read.fingerprint == Fingerprint::Valid, fingerprint);
        prop_assert_eq!(read.problems, vec![]);
    }

    #[test]
    fn it_reads_what_we_answer(
        id: [u8; 12], source in endpoints(), origin in endpoints(), other in endpoints(),
        tailnode: bool, change: bool,
    ) {
        let form = if tailnode { RequestForm::Tailnode } else { RequestForm::Plain };
        let sent = encode_request(TransactionId(id), form, change.then_some(ChangeRequest::BOTH)).unwrap();
        let request = decode_request(&sent).unwrap();
        prop_assert_eq!(request.tailnode, tailnode);
        let facts = AnswerFacts { mapped: source, origin: Some(origin), other: Some(other), software: "natscope" };
        let answer = encode_success(&request, &facts);
        let read = decode(&answer).expect("stun-rs reads it, FINGERPRINT verified");
        prop_assert_eq!(xor_mapped(&read), Some(source));
        prop_assert_eq!(read.transaction_id().as_bytes(), &id);
        if tailnode && !change {
            prop_assert!(answer.len() <= 64);
            prop_assert_eq!(read.attributes().len(), 1);
        } else {
            prop_assert_eq!(mapped(&read), Some(source));
            let found = read.get::<ResponseOrigin>().unwrap().as_response_origin().unwrap();
            prop_assert_eq!(*found.socket_address(), origin);
            let found = read.get::<OtherAddress>().unwrap().as_other_address().unwrap();
            prop_assert_eq!(*found.socket_address(), other);
        }
        let refusal = decode(&encode_unknown_attributes(&request, &[3, 0x27])).expect("stun-rs reads it");
        let code = refusal.get::<ErrorCode>().unwrap().as_error_code().unwrap();
        prop_assert_eq!(code.error_code().error_code(), 420);
    }

    /// Whatever stun-rs makes of a mutated response, we make the same of its address, or say what is wrong.
    #[test]
    fn both_agree_on_mutated_responses(
        id: [u8; 12], one in endpoints(), two in endpoints(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let facts = AnswerFacts { mapped: one, origin: Some(two), other: None, software: "natscope/1" };
        let sent = encode_request(TransactionId(id), RequestForm::Plain, None).unwrap();
        let mut answer = encode_success(&decode_request(&sent).unwrap(), &facts);
        for (index, value) in flips {
            let index = index.index(answer.len());
            answer[index] = value;
        }
        let theirs = decode(&answer)
            .filter(|theirs| theirs.method() == methods::BINDING)
            .filter(|theirs| theirs.class() == MessageClass::SuccessResponse);
        let their_address = theirs.as_ref().and_then(xor_mapped).map(crate::model::unmap);
        match decode_response(&answer) {
            Ok(ours) if ours.problems.is_empty() && theirs.is_some() => {
                prop_assert_eq!(ours.xor_mapped, their_address);
            }
            Ok(ours) if ours.xor_mapped.is_some() && their_address.is_some() => {
                prop_assert_eq!(ours.xor_mapped, their_address);
            }
            // It takes addresses longer than their family's and skips the rest; we call them unreadable.
            Ok(Response { problems, .. }) | Err(DecodeError::NoAddress { problems }) => {
                prop_assert!(their_address.is_none() || !problems.is_empty());
            }
            Err(_) => prop_assert_eq!(their_address, None),
        }
    }

    #[test]
    fn nothing_panics(datagram in prop::collection::vec(any::<u8>(), 0..200), cookie: bool) {
        let mut datagram = datagram;
        if cookie && datagram.len() >= 20 {
            let length = u16::try_from(datagram.len() - 20).unwrap();
            datagram[0] = 1;
            datagram[1] = 1;
            datagram[2..4].copy_from_slice(&length.to_be_bytes());
            datagram[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        let _ = decode_response(&datagram);
        let _ = decode_request(&datagram);
    }
}
